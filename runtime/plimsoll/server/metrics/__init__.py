"""What the front counts and reads, and how Prometheus gets it."""
