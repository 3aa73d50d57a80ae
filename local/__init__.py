"""AWS and Slack on one machine: what `make demo`, `make local` and the tests run against. It never ships."""
