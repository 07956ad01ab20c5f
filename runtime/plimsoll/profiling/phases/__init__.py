"""The phases of a run, one per module: each puts one question to a server."""
