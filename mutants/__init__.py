"""Small changes to the code that ships, one at a time, to see whether the tests notice: `make mutants`."""
