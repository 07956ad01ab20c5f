"""Turns of the event loop, for everything that is not scoring: one request in each.

The loop reads from all connections before the next turn begins, so between two of these requests every scoring call and
every answer that has come is dealt with. Three hundred clients that ask for nothing but probes then cost a call the
time of a few probes, not of three hundred.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Each lane (a route, say) gets every n-th turn where n lanes wait: a crowd on one holds up no other."""

    def __init__(self) -> None:
        self._lanes: dict[str, deque[asyncio.Future[None]]] = {}
        self._is_running = False

    async def mine(self, lane: str) -> None:
        """Returns in a turn of the loop that is nobody else's, in the order of asking within the lane."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._lanes.setdefault(lane, deque()).append(turn)
        if not self._is_running:
            self._is_running = True
            loop.call_soon(self._give, loop)
        await turn

    def _give(self, loop: asyncio.AbstractEventLoop) -> None:
        turn = self._take()
        if turn is None:
            self._is_running = False
        else:
            turn.set_result(None)
            loop.call_soon(self._give, loop)

    def _take(self) -> asyncio.Future[None] | None:
        """The next that somebody still waits for."""
        while self._lanes:
            lane = next(iter(self._lanes))
            waiting = self._lanes.pop(lane)
            turn = waiting.popleft()
            if waiting:
                self._lanes[lane] = waiting  # behind all others
            if not turn.done():
                return turn
        return None
