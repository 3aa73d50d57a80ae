"""The fault harness: every call that the pipeline makes to the outside, broken in every way, and what comes of it.

Calls are recorded and broken by proxies in front of the local AWS and the Slack double: nothing of the app is
patched. The functions run as processes of their own, which can be killed between any two calls.
"""
