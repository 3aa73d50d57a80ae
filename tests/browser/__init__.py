"""The workspace page in a real browser: `make browser`."""
