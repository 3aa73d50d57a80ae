"""Slack files, archived by what was said about them: everything that ships to Lambda beside app.py."""
