"""One folder per peer: its adapter, the application that it serves and the versions of its environment.

This module stays empty: it is imported in every peer's environment.
"""
