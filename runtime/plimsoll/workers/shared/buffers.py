"""Memory for large bodies, leased out by the front: of requests from the socket to run(), of answers the way back.

A pool is one stretch of shared memory of a fixed size: that is the bound. The worker has all of it mapped from its
start, so that a call names offset and length, and nothing is opened, mapped or copied for it. Every decision about the
memory is the front's; a worker writes its answers only where a call has given it room. Lives on the event loop;
nothing here blocks.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from plimsoll.workers.lifecycle import advance
from plimsoll.workers.shared.leases import LEASE_TABLE, LeaseEvent, LeaseState
from plimsoll.workers.shared.memory import SharedMemory
from plimsoll.workers.shared.ranges import Ranges, rounded

_SWEEP_S = 8.0
"""What is not used for this long goes back to the kernel, after twice as long at the latest."""
_LENDABLE = 4
"""Scripts may hold on to a quarter of the memory for good; beyond that they get copies."""


class BufferPool:
    """`size` in bytes is the sum of all leases at a time, each rounded up to 64 KiB."""

    def __init__(self, size_bytes: int, loop: asyncio.AbstractEventLoop, *, worker_writes: bool = False) -> None:
        self.size = rounded(size_bytes)
        self.memory = SharedMemory(self.size, worker_writes=worker_writes)
        self._ranges = Ranges(self.size)
        self._loop = loop
        self._waiting: deque[Waiter] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._lent = 0
        self._closed = False

    @property
    def used(self) -> int:
        """Bytes that are leased, to bodies and to room for answers."""
        return self.size - self._ranges.free

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for memory."""
        return len(self._waiting) > 0

    def lease(self, size_bytes: int) -> Lease | None:
        """Room for `size_bytes`; None while there is none, or while others wait for some."""
        return None if self._waiting or self._closed else self._leased(size_bytes)

    def when_free(self, size_bytes: int, callback: Callable[[Lease], None]) -> Waiter:
        """Calls back with a lease, in order of asking, so that nobody with a large body waits for ever."""
        if size_bytes > self.size:
            raise ValueError(f"{size_bytes} bytes will never be free: there are {self.size}")
        waiter = Waiter(size_bytes, callback, self._on_cancel)
        self._waiting.append(waiter)
        self._serve_waiting()
        return waiter

    def extend(self, lease: Lease, size_bytes: int) -> bool:
        """Makes `lease` larger where it is."""
        return not self._waiting and self._ranges.extend(lease.offset + lease.size, size_bytes)

    def may_lend(self, size_bytes: int) -> bool:
        """Whether a script may hold on to so much more, should it want to; says yes only with `on_lent`."""
        return self._lent + size_bytes <= self.size // _LENDABLE

    def on_lent(self, size_bytes: int) -> None:
        self._lent += size_bytes

    def free(self, lease: Lease) -> None:
        """Only for the lease itself, when its life is over."""
        if lease.lent:
            self._lent -= lease.size
        self._ranges.give(lease.offset, lease.size)
        if self._closed:
            self.close()
            return
        if self._sweep is None:
            self._sweep = self._loop.call_later(_SWEEP_S, self.give_back_unused)
        self._serve_waiting()

    def close(self) -> None:
        """No further leases; the memory goes with the last that there is."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        if not self.used:
            self.memory.close()

    def give_back_unused(self) -> None:
        """Gives the kernel the pages that were not used since the last time; called while there can be any."""
        for offset, size in self._ranges.stale():
            self.memory.give_back(offset, size)
        self._sweep = self._loop.call_later(_SWEEP_S, self.give_back_unused) if self._ranges.touched else None

    def _leased(self, size_bytes: int) -> Lease | None:
        offset = self._ranges.take(size_bytes)
        return None if offset is None else Lease(self, offset, rounded(size_bytes))

    def _serve_waiting(self) -> None:
        while self._waiting and (lease := self._leased(self._waiting[0].size)) is not None:
            self._waiting.popleft().serve(self._loop, lease)

    def _on_cancel(self, waiter: Waiter) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            self._serve_waiting()


class Waiter:
    """Somebody who waits for `size` bytes. `cancel` may come at any time, also after the call back."""

    def __init__(self, size_bytes: int, callback: Callable[[Lease], None], on_cancel: Callable[[Waiter], None]) -> None:
        self.size = size_bytes
        self._callback = callback
        self._on_cancel = on_cancel
        self._lease: Lease | None = None

    def serve(self, loop: asyncio.AbstractEventLoop, lease: Lease) -> None:
        # Not at once: memory is freed during callbacks that must finish first.
        self._lease = lease
        loop.call_soon(self._deliver)

    def cancel(self) -> None:
        if self._lease is not None:
            self._lease.release()
            self._lease = None
        self._on_cancel(self)

    def _deliver(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            self._callback(lease)


class Lease:
    """A part of a pool for one body; `length` of its bytes are the body, once it is complete.

    `view` is for whoever fills it. `release` whenever the request is over, however it has ended: the memory is free as
    soon as no worker can read it any more.
    """

    __slots__ = ("_pool", "length", "lent", "offset", "size", "state")

    def __init__(self, pool: BufferPool, offset: int, size_bytes: int) -> None:
        self._pool = pool
        self.offset = offset
        self.size = size_bytes
        self.length = 0
        self.lent = False
        self.state = LeaseState.FILLING

    @property
    def view(self) -> memoryview:
        return self._pool.memory.view[self.offset : self.offset + self.size]

    def grow(self, size_bytes: int) -> bool:
        """Makes room for `size_bytes` in all while it is filled; `view` is another one afterwards.

        In place where the memory behind it is free; else everything is copied. False where there is no room: it is not
        worth waiting for, since two bodies that grow would wait for each other.
        """
        more = rounded(size_bytes) - self.size
        if more <= 0:
            return True
        if self._pool.extend(self, more):
            self.size += more
            return True
        other = self._pool.lease(size_bytes)
        if other is None:
            return False
        other.view[: self.size] = self.view
        self.offset, other.offset = other.offset, self.offset
        self.size, other.size = other.size, self.size
        other.release()
        return True

    def release(self) -> None:
        self.note(LeaseEvent.RELEASE)

    def lend(self) -> bool:
        """Whether the script may refer to the memory itself, and so keep it: said once, when it is handed over."""
        if not self.lent and self._pool.may_lend(self.size):
            self._pool.on_lent(self.size)
            self.lent = True
        return self.lent

    def note(self, event: LeaseEvent) -> None:
        was, self.state = self.state, advance(LEASE_TABLE, self.state, event)
        if self.state is LeaseState.FREE and was is not LeaseState.FREE:
            self._pool.free(self)


class SharedAnswer:
    """The body of an answer, in memory that the worker does not touch again until `release`."""

    __slots__ = ("_lease", "view")

    def __init__(self, lease: Lease) -> None:
        lease.note(LeaseEvent.SEND)
        self._lease = lease
        self.view = lease.view[: lease.length].toreadonly()

    def __len__(self) -> int:
        return self._lease.length

    def release(self) -> None:
        """When the last byte has been sent, or nobody wants it; may be said more than once."""
        self._lease.release()
