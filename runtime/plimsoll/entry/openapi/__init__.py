"""The description of the scoring API, written from the script's own declarations."""
