"""What a client may take: time, bytes, connections."""

from __future__ import annotations

from dataclasses import dataclass

from plimsoll.errors import SlowBody
from plimsoll.settings.serving import ServeSettings

FIRST_BYTE_S = 1.0
"""How long a server that stops waits for the first byte of a connection that has none yet: longer than a round trip."""
RATE_GRACE_S = 5.0
"""A body may start slowly: its rate counts from here on."""
STARVED_S = 5.0
"""How long a large body waits for memory, unread."""
CLAIM_S = 120.0
CLAIM_GRACE_S = 1.0
"""While others wait for memory, a large body that holds some must come as if it were to be complete in this time: twice
what `--body-timeout` allows by default, so that only those lose who would lose anyway. It counts from this long after
the memory was claimed."""
HALF_CLOSED_S = 0.25
"""How long a request waits for a slot before a client that sends no more is sounded out. It may still read (RFC 9112
§9.3), but nearly all of them have given up, and a slot has better to do than to work for them."""
LINGER_S = 10.0
"""How long, at most, what a refused client still sends is read, so that it gets to read its answer (RFC 9112 §9.6)."""
LINGER_IDLE_S = 2.0
MOST_DRAINED_BYTES = 64 * 1024
"""The rest of a body that nobody wants is read to keep the connection if it is no longer than this."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`min_body_bytes_per_s` is the lowest average rate of a body once it has been coming for 5 s."""

    head_timeout_s: float
    body_timeout_s: float
    send_timeout_s: float
    keep_alive_s: float
    min_body_bytes_per_s: float
    max_head_bytes: int
    max_body_bytes: int
    max_connections: int

    @classmethod
    def of(cls, settings: ServeSettings) -> ConnectionLimits:
        return cls(
            head_timeout_s=settings.head_timeout,
            body_timeout_s=settings.body_timeout,
            send_timeout_s=settings.send_timeout,
            keep_alive_s=settings.keep_alive,
            min_body_bytes_per_s=settings.min_body_rate,
            max_head_bytes=settings.max_head_bytes,
            max_body_bytes=settings.max_body_bytes,
            max_connections=settings.max_connections,
        )

    @property
    def shortest_s(self) -> float:
        return min(self.head_timeout_s, self.body_timeout_s, self.send_timeout_s, self.keep_alive_s)

    @property
    def first_look_s(self) -> float:
        """When a body's pace is judged for the first time."""
        return min(RATE_GRACE_S, self.body_timeout_s)

    def too_slow(self, received_bytes: int, elapsed_s: float) -> SlowBody | None:
        """What a body is refused with that has come so far in so long."""
        if elapsed_s >= self.body_timeout_s:
            return SlowBody(f"The request body took longer than {self.body_timeout_s:g} s.")
        if received_bytes / elapsed_s < self.min_body_bytes_per_s:
            return SlowBody(f"The request body came slower than {self.min_body_bytes_per_s:g} bytes/s.")
        return None
