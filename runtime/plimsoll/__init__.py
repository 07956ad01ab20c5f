"""Plimsoll: a scoring server for score.py that measures itself and says what the model needs."""

__version__ = "0.1.0"
