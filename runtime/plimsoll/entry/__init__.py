"""What score.py sees, and the names it may import from Plimsoll: ``from plimsoll.entry import rawhttp``."""
