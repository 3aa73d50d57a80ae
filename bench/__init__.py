"""The speed of the app, compared with what people would use instead: `make bench`. Never shipped."""
