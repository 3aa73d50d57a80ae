"""How fast it is, against what people would take instead: `make bench`. It never ships."""
