"""The load generator: ``python -m storm.clients PORT SEED …`` until its input is closed or its requests are used up.

A process of its own, so that what it costs is not taken for the server's. Every request ends in exactly one outcome:

    right            its own right answer
    right …          the error, or the end of the connection, that it asked for
    STATUS CODE      an error with a reason
    cut, cut begun   the connection ended before, or within, the answer
    refused          no connection could be made
    left             its client left, as it was to
    wrong …          somebody else's answer, a mangled one, or an error without a reason
    silence          nothing for SILENCE_S
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable

import uvloop

from storm.requests import Leave, Mix, Request
from storm.wire import Answer, Cut, Silence, Wire

SILENCE_S = 30.0
_PROGRESS_S = 0.5
_COME_BACK = (429, 503)
"""Statuses after which a client waits a little, so that refusals do not make up most of the requests."""
_COME_BACK_S = 0.05


class Clients:
    """`lanes` clients, each of which sends one request after the other."""

    def __init__(self, port: int, lanes: int, most: int, mix: Callable[[int], Mix]) -> None:
        """`mix` gives each lane its own."""
        self._port = port
        self._lanes = lanes
        self._left = most
        self._mix = mix
        self._wires: set[Wire] = set()
        self._over = False
        self.started = 0
        self.outcomes: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.longest_s = 0.0

    async def run(self) -> None:
        watch = [asyncio.ensure_future(one) for one in (self._watch_silence(), self._stop_with_input(), self._tell())]
        await asyncio.gather(*(self._lane(number) for number in range(self._lanes)))
        for task in watch:
            task.cancel()
        self.tell()

    def tell(self) -> None:
        told = {
            "started": self.started,
            "outcomes": self.outcomes,
            "examples": self.examples,
            "longest_s": self.longest_s,
            "cpu_s": time.process_time(),
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()

    async def _lane(self, number: int) -> None:
        mix = self._mix(number)
        wire: Wire | None = None
        while not self._over and self._left > 0:
            self._left -= 1
            wire = await self._one(mix.draw(), wire)
        if wire is not None:
            wire.transport.abort()

    async def _one(self, request: Request, wire: Wire | None) -> Wire | None:
        """Sends one request and notes how it ended; the connection where it can be used again."""
        self.started += 1
        if wire is None or not wire.usable or request.leave is not None:
            if wire is not None:
                self._close(wire)
            wire = await self._connected()
        if wire is None:
            self._note(request, "refused", b"")
            await asyncio.sleep(0.02)
            return None
        if request.leave is not None:
            await self._leave(request, wire)
            self._note(request, "left", b"")
            self._close(wire)
            return None
        await self._ask(request, wire)
        return wire

    async def _connected(self) -> Wire | None:
        try:
            _, wire = await asyncio.get_running_loop().create_connection(Wire, "127.0.0.1", self._port)
        except OSError:
            return None
        self._wires.add(wire)
        return wire

    def _close(self, wire: Wire) -> None:
        self._wires.discard(wire)
        wire.transport.abort()

    async def _ask(self, request: Request, wire: Wire) -> None:
        wire.reads_slowly = request.reads_slowly
        begun_at = time.monotonic()
        try:
            answer = await wire.exchange(request.head, request.body)
        except Cut as cut:
            found = "right cut" if request.breaks_off and cut.begun else f"cut{' begun' * cut.begun}"
            self._note(request, found, b"")
        except Silence:
            self._note(request, "silence", b"")
        else:
            self._note(request, outcome(request, answer), answer.body)
            if answer.status in _COME_BACK:
                await asyncio.sleep(_COME_BACK_S)
        self.longest_s = max(self.longest_s, time.monotonic() - begun_at)

    async def _leave(self, request: Request, wire: Wire) -> None:
        """Sends as much as it is to send and goes; politely (FIN) or not (RST)."""
        head, body = request.head, request.body
        parts = {
            Leave.CONNECTED: (),
            Leave.IN_HEAD: (head[: len(head) // 2],),
            Leave.AFTER_HEAD: (head,),
            Leave.IN_BODY: (head, body[: len(body) // 2]),
        }
        assert request.leave is not None
        waiting = wire.exchange(*parts.get(request.leave, (head, body)))
        waiting.add_done_callback(lambda done: done.exception())
        if request.leave is Leave.IN_ANSWER:
            await wire.first_byte()
        await asyncio.sleep(request.leave_after_s)
        if request.leaves_politely:
            wire.transport.close()

    def _note(self, request: Request, found: str, body: bytes) -> None:
        key = f"{request.kind}: {found}"
        self.outcomes[key] += 1
        if found.startswith("wrong") and key not in self.examples:
            self.examples[key] = f"sent {request.body[:60]!r}, got {body[:300]!r}"

    async def _watch_silence(self) -> None:
        while True:
            await asyncio.sleep(1)
            before = time.monotonic() - SILENCE_S
            for wire in [wire for wire in self._wires if wire.since is not None and wire.since < before]:
                wire.give_up(Silence())

    async def _stop_with_input(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()
        self._over = True

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_S)
            self.tell()


def outcome(request: Request, answer: Answer) -> str:
    """How a request that was answered ended."""
    if answer.status < 400:
        if request.right is not None and answer.status == 200 and answer.body == request.right:
            return "right"
        return f"wrong {answer.status}"
    try:
        code = json.loads(answer.body)["code"]
    except (ValueError, KeyError, TypeError):
        return f"wrong {answer.status} without a reason"
    found = f"{answer.status} {code}"
    return f"right {found}" if found == request.error else found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("seed")
    parser.add_argument("--lanes", type=int, default=24)
    parser.add_argument("--most", type=int, default=10**12)
    parser.add_argument("--batched", action="store_true")
    parser.add_argument("--departures", type=float, default=0.02)
    parser.add_argument("--only", action="append", default=[])
    given = parser.parse_args()

    def mix(lane: int) -> Mix:
        seed = f"{given.seed} {lane}"
        return Mix(seed, batched=given.batched, departures=given.departures, only=given.only)

    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(Clients(given.port, given.lanes, given.most, mix).run())


if __name__ == "__main__":
    main()
