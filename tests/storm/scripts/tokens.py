"""From a request's token to what its answer must carry: the same in the script and in the clients that check it."""

from __future__ import annotations

_MULTIPLIER = 0x9E3779B97F4A7C15


def transformed(token: str) -> str:
    """Another token: one that no echo of the request can contain."""
    return format(int(token, 16) * _MULTIPLIER % 2**64, "016x")
