"""`python -m plimsoll.profiling.load.driver`: obeys JSON lines on stdin until it ends, and never outlives its parent.

`open` a dataset, `choose` rows of it, send one `row`, put on `load` or a `rate`: one line of answer for each, in turn.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import uvloop

from plimsoll.host.descriptors import open_descriptors, raise_descriptor_limit
from plimsoll.profiling.load.loops import Arrivals, ClosedLoop, OpenLoop, Until
from plimsoll.profiling.load.pool import Pool, connections_allowed
from plimsoll.profiling.load.recorded import Recording
from plimsoll.profiling.load.requests import Requests, RowOrder, prepare, read_spool
from plimsoll.profiling.load.sender import Target

# A line holds at most the indexes of a big dataset.
_LINE_LIMIT_BYTES = 1 << 26

Message = dict[str, Any]


class Driver:
    """Keeps what outlives a command: the requests, their order, the connections."""

    def __init__(self) -> None:
        self._requests = Requests()
        self._pool = Pool(Target("127.0.0.1", 0, 1.0))
        self._other_descriptors = open_descriptors()
        self._order = RowOrder([0], 0)
        self._chosen: Sequence[int] = [0]
        self._commands: dict[str, Callable[[Message], Awaitable[Message]]] = {
            "open": self._open,
            "choose": self._choose,
            "row": self._row,
            "load": self._load,
            "rate": self._rate,
        }

    async def obey(self, message: Message) -> Message:
        """An unknown command is a KeyError, as only our own profiler talks to the driver."""
        return await self._commands[message["command"]](message)

    async def _open(self, message: Message) -> Message:
        rows = read_spool(Path(message["rows"]))
        target = Target(message["host"], message["port"], message["timeoutSeconds"])
        known = self._requests if message["sameAnswers"] else None
        self._requests = prepare(rows, target.host, target.port, message["path"], message["slots"], known)
        self._chosen = range(len(rows))
        self._order = RowOrder(self._chosen, message["seed"])
        self._pool.bound(0)
        self._pool = Pool(target)
        # From here on nothing but counters is allocated: a collection would only add to somebody's latency.
        gc.collect()
        gc.freeze()
        return {"rows": len(rows), "mostConnections": connections_allowed(self._other_descriptors)}

    async def _choose(self, message: Message) -> Message:
        self._chosen = message["rows"]
        self._order = RowOrder(self._chosen, message["seed"])
        return {"rows": len(message["rows"])}

    async def _row(self, message: Message) -> Message:
        order = RowOrder([message["row"]], 0)
        loop = ClosedLoop(self._pool, 1, self._requests, order, Until(0, 0, requests=1))
        await loop.run()
        found = loop.statistics
        (latency_ns,) = [*found.success_latencies_ns, *found.failure_latencies_ns]
        return {
            "outcome": next(iter(found.outcomes)),
            "driverError": found.driver_error,
            "latencySeconds": latency_ns / 1e9,
            "responseBytes": found.response_bytes,
        }

    async def _load(self, message: Message) -> Message:
        until = Until(message["seconds"], message["maxSeconds"], message["wholePasses"], message.get("requests"))
        # Fewer connections would be another level: where they cannot be had, that has to show.
        self._pool.bound(max(message["connections"], connections_allowed(self._other_descriptors)))
        return await ClosedLoop(self._pool, message["connections"], self._requests, self._order, until).run()

    async def _rate(self, message: Message) -> Message:
        is_recorded = message.get("recorded", False)
        plan = Arrivals(message["rate"], message["seconds"], message["seed"], message["mostInFlight"], is_recorded)
        recording = Recording.of(self._requests.arrived_s, self._chosen) if is_recorded else None
        self._pool.bound(min(message["mostConnections"], connections_allowed(self._other_descriptors)))
        return await OpenLoop(self._pool, message["connections"], self._requests, self._order, plan, recording).run()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LINE_LIMIT_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    # Whichever ends first ends the driver: the end of stdin must stop a load that is still running.
    tasks = {asyncio.create_task(_read_all(reader, lines)), asyncio.create_task(_obey_all(lines))}
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _read_all(reader: asyncio.StreamReader, lines: asyncio.Queue[bytes]) -> None:
    while line := await reader.readline():
        lines.put_nowait(line)


async def _obey_all(lines: asyncio.Queue[bytes]) -> None:
    driver = Driver()
    while True:
        answer = await driver.obey(json.loads(await lines.get()))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    # Ctrl-C in a terminal reaches the whole group: the profiler decides when the driver ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise_descriptor_limit()
    uvloop.run(_serve())
