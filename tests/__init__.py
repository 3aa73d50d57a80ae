"""The tests; doubles are those of `local/`."""
