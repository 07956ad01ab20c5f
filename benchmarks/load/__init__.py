"""Clients: what they send, and the latencies they see."""
