"""Processes that run score.py, and the pool in the front that hands them calls."""
