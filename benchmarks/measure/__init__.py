"""Servers in environments of their own, and what they and everybody else use of the machine."""
