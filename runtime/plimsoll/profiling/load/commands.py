"""The driver's commands: `open` a dataset, send one `row`, put on `load` or a `rate`. One answer each, in turn."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from plimsoll.host.descriptors import open_descriptors
from plimsoll.profiling.dataset.spool import read_spool
from plimsoll.profiling.load.closed_loop import ClosedLoop, Until
from plimsoll.profiling.load.open_loop import Arrivals, OpenLoop
from plimsoll.profiling.load.pool import Pool, connections_allowed
from plimsoll.profiling.load.requests import Prepared, RowOrder, prepare
from plimsoll.profiling.load.slot import Target

Message = dict[str, Any]


class Driver:
    """Keeps what outlives a command: the requests, their order, the connections."""

    def __init__(self) -> None:
        self._requests = Prepared((), {})
        self._pool = Pool(Target("127.0.0.1", 0, 1.0))
        self._other_descriptors = open_descriptors()
        self._order = RowOrder([0], 0)
        self._commands: dict[str, Callable[[Message], Awaitable[Message]]] = {
            "open": self._open,
            "row": self._row,
            "load": self._load,
            "rate": self._rate,
            "choose": self._choose,
        }

    async def obey(self, message: Message) -> Message:
        """Runs one command; an unknown one is a KeyError, as only our own profiler talks to the driver."""
        return await self._commands[message["command"]](message)

    async def _open(self, message: Message) -> Message:
        rows = read_spool(Path(message["rows"]))
        target = Target(message["host"], message["port"], message["timeoutSeconds"])
        known = self._requests.answers if message["sameAnswers"] else {}
        self._requests = prepare(rows, target.host, target.port, message["path"], known)
        self._order = RowOrder(range(len(rows)), message["seed"])
        self._pool.bound(0)
        self._pool = Pool(target)
        # From here on nothing but counters is allocated: a collection would only add to somebody's latency.
        gc.collect()
        gc.freeze()
        return {"rows": len(rows), "mostConnections": connections_allowed(self._other_descriptors)}

    async def _choose(self, message: Message) -> Message:
        """Leaves rows out of the load."""
        self._order = RowOrder(message["rows"], message["seed"])
        return {"rows": len(message["rows"])}

    async def _row(self, message: Message) -> Message:
        order = RowOrder([message["row"]], 0)
        loop = ClosedLoop(self._pool, 1, self._requests, order, Until(0, 0, requests=1))
        await loop.run()
        tally = loop.tally
        (latency_ns,) = [*tally.success_latencies_ns, *tally.failure_latencies_ns]
        return {
            "outcome": next(iter(tally.outcomes)),
            "driverError": tally.driver_error,
            "latencySeconds": latency_ns / 1e9,
            "responseBytes": tally.response_bytes,
        }

    async def _load(self, message: Message) -> Message:
        until = Until(message["seconds"], message["maxSeconds"], message["wholePasses"], message.get("requests"))
        # Fewer connections would be another level: where they cannot be had, that has to show.
        self._pool.bound(max(message["connections"], connections_allowed(self._other_descriptors)))
        return await ClosedLoop(self._pool, message["connections"], self._requests, self._order, until).run()

    async def _rate(self, message: Message) -> Message:
        plan = Arrivals(message["rate"], message["seconds"], message["seed"], message["mostInFlight"])
        self._pool.bound(min(message["mostConnections"], connections_allowed(self._other_descriptors)))
        return await OpenLoop(self._pool, message["connections"], self._requests, self._order, plan).run()
