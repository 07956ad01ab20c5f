"""Sends the cases of the corpus to a server, in every way, and judges what comes back."""
