"""Sends one request after the other, over a connection that is kept between stretches of load.

The hot path is callbacks only: answer → record → next row → write. Coroutines serve connecting and the waiting.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from dataclasses import dataclass
from typing import Protocol

from plimsoll.profiling.load.connection import Connection
from plimsoll.profiling.load.requests import OUTCOME_CLOSED, OUTCOME_DRIVER, OUTCOME_REFUSED, OUTCOME_TIMEOUT
from plimsoll.profiling.load.statistics import LoadStatistics

_RECONNECT_PAUSE_S = 0.05
# Errors of socket(2) and connect(2) that are this side's: no descriptor, no memory, no local port that is free, no
# entry in the routing cache. The server was not even asked.
_OWN_ERRORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EAGAIN}


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go; a request that takes longer than `timeout_s` is given up."""

    host: str
    port: int
    timeout_s: float


class Source(Protocol):
    """What a sender works for: it hands out requests and counts what became of them."""

    statistics: LoadStatistics

    def take(self) -> tuple[int, bytes, int] | None:
        """Row, request and the monotonic nanosecond from which its latency counts; None when there is no more."""

    def release(self, sender: Sender) -> None:
        """It has nothing left to do."""


class Sender:
    """At most one request is under way; `start` begins with the first one that the source has."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection: Connection | None = None
        self._source: Source | None = None
        self._row: int | None = None
        self._due_ns = 0
        self._connecting: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Makes a connection unless there is one; raises OSError where that fails."""
        if self._connection is None or not self._connection.usable:
            await self._make(self._replace_connection())

    def start(self, source: Source) -> None:
        self._source = source
        self._next()

    def expire(self, now_ns: int) -> None:
        if self._row is None or now_ns - self._due_ns < self._target.timeout_s * 1e9:
            return
        self.close()
        self._finish(OUTCOME_TIMEOUT, 0)

    def close(self) -> None:
        """Drops the connection, also one that is still being made."""
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None

    def _next(self) -> None:
        if self._source is None:
            return
        taken = self._source.take()
        if taken is None:
            source, self._source = self._source, None
            source.release(self)
            return
        self._row, request, self._due_ns = taken
        if self._connection is not None and self._connection.usable:
            self._connection.send(request)
            return
        connection = self._replace_connection()
        connection.send(request)
        self._connecting = asyncio.create_task(self._make_or_fail(connection))

    def _replace_connection(self) -> Connection:
        # The farewell of the old connection must not be taken for the loss of the new one.
        self.close()
        self._connection = Connection(self._answered, self._lost)
        return self._connection

    async def _make(self, connection: Connection) -> None:
        make = asyncio.get_running_loop().create_connection(lambda: connection, self._target.host, self._target.port)
        await asyncio.wait_for(make, self._target.timeout_s)

    async def _make_or_fail(self, connection: Connection) -> None:
        try:
            await self._make(connection)
        except OSError as error:
            # Where no connection can be had, nobody must be asked ten thousand times a second.
            await asyncio.sleep(_RECONNECT_PAUSE_S)
            if self._connection is connection and self._source is not None:
                self._connection = self._connecting = None
                outcome = outcome_of(error)
                if outcome == OUTCOME_DRIVER:
                    self._source.statistics.driver_error = os.strerror(error.errno or 0)
                self._finish(outcome, 0)

    def _answered(self, status: int, size_bytes: int, checksum: int) -> None:
        self._finish(str(status), size_bytes, checksum)

    def _lost(self) -> None:
        self._connection = None
        self._finish(OUTCOME_CLOSED, 0)

    def _finish(self, outcome: str, size_bytes: int, checksum: int = 0) -> None:
        if self._row is None or self._source is None:
            return
        row, self._row = self._row, None
        self._source.statistics.record(row, outcome, time.perf_counter_ns() - self._due_ns, size_bytes, checksum)
        self._next()


def outcome_of(error: OSError) -> str:
    """Of a request for which no connection could be made."""
    if isinstance(error, TimeoutError):
        return OUTCOME_TIMEOUT
    return OUTCOME_DRIVER if error.errno in _OWN_ERRORS else OUTCOME_REFUSED
