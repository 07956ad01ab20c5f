"""Many conversations at once, in turns that force every piece into a segment of its own.

The server is one event loop, and a turn ends with an answer to a probe: what was sent before the probe has been read
by then. So pieces are kept apart without a pause, and a silence can be told from a delay.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterable, Iterator
from types import TracebackType

from corpus.case import AUTHORIZATION, Case, Way, posted

from talk.conversation import Conversation
from talk.pieces import plans

_AT_ONCE = 150


class Fence:
    """A connection whose requests are answered after everything that was sent before them has been read."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)

    def __enter__(self) -> Fence:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def wait(self) -> None:
        """First the reads, then the calls: those of the script are answered in order."""
        self._ask(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        self._ask(posted(b"fence", AUTHORIZATION))

    def _ask(self, request: bytes) -> None:
        self._socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data or not _is_whole(data):
            part = self._socket.recv(65_536)
            assert part, "the server has closed the connection of the fence"
            data += part


def _is_whole(data: bytes) -> bool:
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(body) == int(sizes[0])


def deviations(port: int, cases: Iterable[Case], ways: Iterable[Way] = tuple(Way)) -> dict[str, str]:
    """The name of each case that went wrong, and how, the first time that it did."""
    found: dict[str, str] = {}
    todo = _conversations(port, cases, tuple(ways))
    running: list[tuple[Way, Conversation]] = []
    with Fence(port) as fence:
        while running := [*running, *itertools.islice(todo, _AT_ONCE - len(running))]:
            fence.wait()
            for way, one in running:
                one.advance()
                if one.over and one.deviation:
                    found.setdefault(one.case.name, f"{way}: {one.deviation}")
            running = [(way, one) for way, one in running if not one.over]
    return found


def _conversations(port: int, cases: Iterable[Case], ways: tuple[Way, ...]) -> Iterator[tuple[Way, Conversation]]:
    todo = [(case, way) for case in cases for way in ways if way in case.ways]
    for case, way in todo:
        for cuts in plans(case, way):
            yield way, Conversation(port, case, cuts)
