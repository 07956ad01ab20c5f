"""Where the body of a request is put while it comes: small ones in a bytearray, large ones in memory of the pool.

A large body of known length claims all its memory at once, so that it need not be copied, and never waits for more
while it holds some: no two bodies can wait for each other. What keeps those from holding memory who only announce:

    has come                        holds                while others wait for memory
    up to 16 KiB                    none of the pool     waits for nobody, and nobody for it
    more, and no memory is free     none of the pool     STARVED_S, in order of asking, then 429
    more                            its whole length     CLAIM_S / length bytes per second, or 408
"""

from __future__ import annotations

import time
from collections.abc import Callable

from plimsoll.errors import BodyTooLarge, BuffersFull
from plimsoll.server.http.limits import CLAIM_GRACE_S, CLAIM_S
from plimsoll.workers.frames import INLINE_BYTES
from plimsoll.workers.shared.buffers import BufferPool, Lease, Waiter

_FIRST_BYTES = 16 * 1024


class KnownBody:
    """Of a length that is known: `room` is where the next bytes go. It may have to wait for memory first."""

    __slots__ = ("_claimed_s", "_lease", "_pool", "_small", "_waiter", "length", "received_bytes")

    def __init__(self, length: int, pool: BufferPool, coming_bytes: int) -> None:
        """`coming_bytes` of it are there already."""
        self.length = length
        self.received_bytes = 0
        self._pool = pool
        beginning = _FIRST_BYTES if coming_bytes < _FIRST_BYTES else 0
        self._small = bytearray(length if length <= INLINE_BYTES else beginning)
        self._lease: Lease | None = None
        self._claimed_s = 0.0
        self._waiter: Waiter | None = None

    def has_room(self) -> bool:
        """Whether more can be received; claims the memory that this takes, if it is free."""
        if self.received_bytes < len(self._small) or self._lease is not None:
            return True
        if (lease := self._pool.lease(self.length)) is not None:
            self._claim(lease)
        return lease is not None

    def when_room(self, callback: Callable[[], None]) -> None:
        """Calls back once, on the event loop, unless `discard` comes first."""

        def on_lease(lease: Lease) -> None:
            self._waiter = None
            self._claim(lease)
            callback()

        self._waiter = self._pool.when_free(self.length, on_lease)

    def lags(self, now: float) -> bool:
        """Whether it comes too slowly for memory that others wait for."""
        elapsed_s = now - self._claimed_s
        if self._lease is None or elapsed_s < CLAIM_GRACE_S:
            return False
        return self.received_bytes * CLAIM_S < self.length * elapsed_s

    def room(self) -> memoryview:
        whole = memoryview(self._small) if self._lease is None else self._lease.view  # of a large one, the beginning
        return whole[self.received_bytes : self.length]

    def append(self, data: bytes | memoryview) -> None:
        if data:
            self.room()[: len(data)] = data
            self.received_bytes += len(data)

    def torn_out(self) -> bytes:
        """What has come, of one that waits for memory and needs none any more."""
        self.discard()
        return bytes(memoryview(self._small)[: self.received_bytes])

    def whole(self) -> bytes | Lease:
        """To be called once all of it has come; from then on the body is the caller's."""
        if self._lease is None:
            return bytes(self._small)
        self._lease.length = self.length
        lease, self._lease = self._lease, None
        return lease

    def discard(self) -> None:
        """Gives its memory back: the rest of the body will not come, or nobody wants it."""
        if self._waiter is not None:
            self._waiter.cancel()
        if self._lease is not None:
            self._lease.release()
        self._waiter = self._lease = None

    def _claim(self, lease: Lease) -> None:
        self._lease, self._claimed_s = lease, time.monotonic()
        lease.view[: self.received_bytes] = memoryview(self._small)[: self.received_bytes]
        self._small = bytearray()


class GrowingBody:
    """A body of unknown length (chunked): its memory grows as it comes."""

    __slots__ = ("_lease", "_max_bytes", "_pool", "_small", "received_bytes")

    def __init__(self, max_bytes: int, pool: BufferPool) -> None:
        self.received_bytes = 0
        self._max_bytes = max_bytes
        self._pool = pool
        self._small = bytearray()
        self._lease: Lease | None = None

    def announce(self, size_bytes: int) -> None:
        """So much more will come. Raises BodyTooLarge."""
        if self.received_bytes + size_bytes > self._max_bytes:
            raise BodyTooLarge(f"The request body is larger than {self._max_bytes} bytes.")

    def append(self, data: bytes) -> None:
        """Raises BuffersFull when there is no memory left."""
        end = self.received_bytes + len(data)
        if self._lease is None and end <= INLINE_BYTES:
            self._small += data
        else:
            self._make_room(end)
            assert self._lease is not None
            self._lease.view[self.received_bytes : end] = data
        self.received_bytes = end

    def whole(self) -> bytes | Lease:
        """To be called once all of it has come; from then on the body is the caller's."""
        if self._lease is None:
            return bytes(self._small)
        self._lease.length = self.received_bytes
        lease, self._lease = self._lease, None
        return lease

    def discard(self) -> None:
        """Gives its memory back: the rest of the body will not come, or nobody wants it."""
        if self._lease is not None:
            self._lease.release()
        self._lease = None

    def _make_room(self, size_bytes: int) -> None:
        wanted = min(2 * size_bytes, max(self._max_bytes, size_bytes))
        if self._lease is None:
            self._lease = self._pool.lease(wanted)
            if self._lease is not None:
                self._lease.view[: len(self._small)] = self._small
                self._small = bytearray()
        elif size_bytes > self._lease.size and not self._lease.grow(wanted):
            raise full()
        if self._lease is None:
            raise full()


def full() -> BuffersFull:
    return BuffersFull("The memory for large request bodies is in use.", retry_after_s=1)
