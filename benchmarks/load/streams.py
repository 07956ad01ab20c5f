"""A closed loop over streamed answers, by a client of our own: wrk does not say when the first piece came.

python -m benchmarks.load.streams PORT PATH BODY_FILE CONTENT_TYPE CONNECTIONS SECONDS; prints one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import cast

import httptools
import uvloop

from benchmarks.load.figures import Figures, LoadFailed, percentile


class Connection(asyncio.Protocol):
    """One connection with one request at a time; `alive` says whether the server keeps it open for the next."""

    def __init__(self) -> None:
        self.alive = False

    async def ask(self, request: bytes) -> tuple[float, float]:
        """When the first piece of the answer's body came, and when its end."""
        self._parser = httptools.HttpResponseParser(self)
        self._over: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._first_s: float | None = None
        self._transport.write(request)
        over_s = await self._over
        return self._first_s or over_s, over_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.alive = cast(asyncio.Transport, transport), True  # uvloop's are no subclass of it

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        self.alive = False
        if not self._over.done():
            self._over.set_exception(error or ConnectionError("the server closed the connection within an answer"))

    def on_body(self, data: bytes) -> None:
        self._first_s = self._first_s or time.monotonic()

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.alive = False
            self._transport.close()
        status = self._parser.get_status_code()
        if status == 200:
            self._over.set_result(time.monotonic())
        else:
            self._over.set_exception(ConnectionError(f"the server answered {status}"))


async def _client(port: int, request: bytes, until_s: float) -> list[tuple[float, float]]:
    """Milliseconds to the first piece and to the end, by request; opening the connection counts where it is needed."""
    connection = Connection()
    taken_ms = []
    while (begun_s := time.monotonic()) < until_s:
        if not connection.alive:
            _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
        first_s, over_s = await connection.ask(request)
        taken_ms.append(((first_s - begun_s) * 1e3, (over_s - begun_s) * 1e3))
    return taken_ms


async def _load(port: int, request: bytes, connections: int, seconds: int) -> Figures:
    begun_s = time.monotonic()
    clients = (_client(port, request, begun_s + seconds) for _ in range(connections))
    taken_ms = [taken for client in await asyncio.gather(*clients) for taken in client]
    elapsed_s = time.monotonic() - begun_s
    first_ms, whole_ms = ([taken[number] for taken in taken_ms] for number in (0, 1))
    p50_ms, p99_ms = percentile(whole_ms, 0.5), percentile(whole_ms, 0.99)
    return Figures(len(whole_ms), elapsed_s, p50_ms, p99_ms, percentile(first_ms, 0.5))


def run(port: int, path: str, body: Path, content_type: str, connections: int, seconds: int) -> Figures:
    """The same in a process of its own, whose CPU is the client's."""
    arguments = [str(port), path, str(body), content_type, str(connections), str(seconds)]
    done = subprocess.run([sys.executable, "-m", __name__, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise LoadFailed(done.stderr.splitlines()[-1] if done.stderr else f"code {done.returncode}")
    return Figures(**json.loads(done.stdout))


def main(port: int, path: str, body: Path, content_type: str, connections: int, seconds: int) -> None:
    content = body.read_bytes()
    lines = f"POST {path} HTTP/1.1", "Host: bench", f"Content-Type: {content_type}", f"Content-Length: {len(content)}"
    request = "".join(f"{line}\r\n" for line in (*lines, "")).encode() + content
    print(json.dumps(asdict(uvloop.run(_load(port, request, connections, seconds)))))


if __name__ == "__main__":
    port, path, body, content_type, connections, seconds = sys.argv[1:]
    main(int(port), path, Path(body), content_type, int(connections), int(seconds))
