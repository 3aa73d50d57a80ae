"""Slack files, archived with what people wrote about them: everything that ships to Lambda beside app.py."""
