"""All that a server and its scripts have started: how it is found again, and how it ends with whoever started it."""
