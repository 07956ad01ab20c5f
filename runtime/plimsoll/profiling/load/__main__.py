"""`python -m plimsoll.profiling.load`: obeys JSON lines on stdin until it ends, and never outlives its parent."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import uvloop

from plimsoll.host.descriptors import raise_descriptor_limit
from plimsoll.profiling.load.commands import Driver

# A line holds at most the indexes of a big dataset.
_LINE_LIMIT_BYTES = 1 << 26


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


def main() -> None:
    """Ctrl-C in a terminal reaches the whole group: the profiler decides when the driver ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise_descriptor_limit()
    uvloop.run(_serve())


if __name__ == "__main__":
    main()
