"""One replica as a queue: its service times, drawn from what was measured, and what comes of a rate of requests."""
