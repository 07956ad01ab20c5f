"""Where the body of a request is put while it comes: small ones in a bytearray, large ones in memory of the pool."""

from __future__ import annotations

from collections.abc import Callable

from plimsoll.errors import BodyTooLarge, BuffersFull
from plimsoll.workers.buffers import BufferPool, Lease, Waiter
from plimsoll.workers.frames import INLINE_BYTES


class KnownBody:
    """Of a length that is known. It may have to wait for memory first."""

    __slots__ = ("_lease", "_pool", "_small", "_waiter", "length")

    def __init__(self, length: int, pool: BufferPool) -> None:
        self.length = length
        self._pool = pool
        self._small = bytearray(length if length <= INLINE_BYTES else 0)
        self._lease = pool.lease(length) if length > INLINE_BYTES else None
        self._waiter: Waiter | None = None

    @property
    def has_room(self) -> bool:
        return self.length <= INLINE_BYTES or self._lease is not None

    def when_room(self, callback: Callable[[], None]) -> None:
        """Calls back once, on the event loop, unless `discard` comes first."""

        def on_lease(lease: Lease) -> None:
            self._lease, self._waiter = lease, None
            callback()

        self._waiter = self._pool.when_free(self.length, on_lease)

    def room(self, at: int) -> memoryview:
        """Where its bytes go from the `at`-th on."""
        whole = memoryview(self._small) if self._lease is None else self._lease.view
        return whole[at : self.length]

    def whole(self) -> bytes | Lease:
        """All of it has come."""
        if self._lease is None:
            return bytes(self._small)
        self._lease.length = self.length
        lease, self._lease = self._lease, None
        return lease

    def discard(self) -> None:
        """It will not be whole."""
        if self._waiter is not None:
            self._waiter.cancel()
        if self._lease is not None:
            self._lease.release()
        self._waiter = self._lease = None


class GrowingBody:
    """Of a length that is not known."""

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
        """Raises BuffersFull."""
        end = self.received_bytes + len(data)
        if self._lease is None and end <= INLINE_BYTES:
            self._small += data
        else:
            self._make_room(end)
            assert self._lease is not None
            self._lease.view[self.received_bytes : end] = data
        self.received_bytes = end

    def whole(self) -> bytes | Lease:
        """All of it has come."""
        if self._lease is None:
            return bytes(self._small)
        self._lease.length = self.received_bytes
        lease, self._lease = self._lease, None
        return lease

    def discard(self) -> None:
        """It will not be whole."""
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
