"""The operating point of what is recommended, and trials of it: for the limit, inside it, and on a full node."""
