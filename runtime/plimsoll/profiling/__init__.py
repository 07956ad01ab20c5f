"""Puts a server under load from outside, measures its process tree and says what the model needs.

Talks to the server by HTTP only. `run.profile` is the way in.
"""
