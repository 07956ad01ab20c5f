"""The driver's connections, kept from one stretch of load to the next, and how many of them it may have.

A connection takes one descriptor. What the limit leaves for them is worked out anew before each stretch, so that
nothing is ever offered that cannot be sent.
"""

from __future__ import annotations

import asyncio
import time

from plimsoll.host.descriptors import descriptor_limit
from plimsoll.profiling.load.sender import Sender, Target
from plimsoll.profiling.load.timers import Pauses, Pulse

# For the alarm, the file of requests, and connections that are replaced before the old one is gone.
_RESERVE = 16
# Each look costs CPU that a small machine lacks: a tenth of the timeout is exact enough.
_EXPIRY_SHARE = 0.1
_LONGEST_EXPIRY_S = 0.25


def connections_allowed(others: int) -> int:
    """How many connections this process may hold beside `others` open descriptors; at least one is tried."""
    return max(1, descriptor_limit() - others - _RESERVE)


class Pool:
    """Senders in the order in which they are used: the first are always connected first."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._most = 1
        self.senders: list[Sender] = []

    def bound(self, most: int) -> None:
        """From now on no more connections than this; what is too many is closed. Nothing may be under way."""
        self._most = most
        for sender in self.senders[most:]:
            sender.close()
        del self.senders[most:]

    def first(self, count: int) -> list[Sender]:
        """Fewer where there may not be so many."""
        wanted = min(count, self._most)
        self.senders += [Sender(self._target) for _ in range(wanted - len(self.senders))]
        return self.senders[:wanted]

    def another(self) -> Sender | None:
        """None where there may be no more."""
        if len(self.senders) >= self._most:
            return None
        self.senders.append(Sender(self._target))
        return self.senders[-1]

    async def connect(self, count: int) -> None:
        """Connects the first before any clock runs; where that fails, the request that comes tries again."""
        await asyncio.gather(*(sender.connect() for sender in self.first(count)), return_exceptions=True)

    async def wait(self, done: asyncio.Event) -> Pauses:
        """Gives up requests that are over their time until all are `done`; when the driver itself stood still."""
        expiry = asyncio.create_task(self._expire_forever())
        try:
            with Pulse() as pulse:
                await done.wait()
        finally:
            expiry.cancel()
        return pulse.pauses

    async def _expire_forever(self) -> None:
        pause_s = min(self._target.timeout_s * _EXPIRY_SHARE, _LONGEST_EXPIRY_S)
        while True:
            await asyncio.sleep(pause_s)
            now_ns = time.perf_counter_ns()
            for sender in list(self.senders):
                sender.expire(now_ns)
