"""What is collected: every request with its answer, and what run() gives to a collector."""

from __future__ import annotations

import secrets
import socket
import time
from pathlib import Path

from plimsoll.entry.collection.events import (
    COLLECTION,
    LARGEST_EMBEDDED_BYTES,
    Events,
    base64_begin,
    is_sampled,
    quoted,
    small_data,
)
from plimsoll.server.collection.files import CollectionFile
from plimsoll.server.collection.writer import CollectionWriter, LargeLine, Line
from plimsoll.settings.collecting import Collecting

REQUEST, RESPONSE = "request", "response"
_ENDING_S = 5.0
"""How long the last records may take at the end: a disk that stands still must not keep the server alive."""
_MOST_COLLECTIONS = 64


class Collection:
    """Lives on the event loop."""

    def __init__(self, collecting: Collecting) -> None:
        instance = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        root = Path(collecting.folder, collecting.endpoint, collecting.deployment)
        self._rate = collecting.sampling_rate
        self._events = Events(collecting.source, instance)
        self._names: set[str] = set()
        self.takes_requests, self.takes_responses = collecting.takes(REQUEST), collecting.takes(RESPONSE)
        self.writer = CollectionWriter(
            lambda name: CollectionFile(root / name, instance, collecting.file_bytes), collecting.buffer_bytes
        )

    def takes(self, request_id: str) -> bool:
        """Whether a request, and its answer, is in the sample."""
        return self._rate >= 1.0 or is_sampled(request_id, self._rate)

    def add_request(self, at_s: float, request_id: str, more: bytes, content_type: str, body: bytes) -> None:
        self._add(REQUEST, b"request", at_s, request_id, more, content_type, body)

    def add_response(self, request_id: str, status: int, content_type: str, body: bytes) -> None:
        self._add(RESPONSE, b"response", time.time(), request_id, b',"status":%d' % status, content_type, body)

    def add_record(self, name: str, line: bytes) -> None:
        """What a worker has made: it runs the user's code, so that only what is one line gets into a file."""
        self._names.add(name) if len(self._names) < _MOST_COLLECTIONS else None
        if not COLLECTION.fullmatch(name) or name not in self._names or line.find(b"\n") != len(line) - 1:
            self.writer.drop("malformed", 1)
        elif self.writer.has_room(len(line)):
            self.writer.add(name, line)

    def note_dropped(self, count: int) -> None:
        """By a worker whose channel was full."""
        self.writer.drop("worker_full", count)

    def close(self) -> None:
        self.writer.close(_ENDING_S)

    def _add(
        self, name: str, kind: bytes, at_s: float, request_id: str, more: bytes, content_type: str, body: bytes
    ) -> None:
        if not self.writer.has_room(len(body)):
            return
        line: Line
        if len(body) <= LARGEST_EMBEDDED_BYTES:
            line = self._events.line(kind, at_s, request_id, more, small_data(body, content_type))
        else:
            before = self._events.head(kind, at_s, request_id, request_id, more)
            line = LargeLine(before + base64_begin(content_type), body)
        self.writer.add(name, line)


def request_members(method: str, target: bytes) -> bytes:
    """What a request is beside its body; a plain POST to the scoring route needs no word."""
    members = b"" if method == "POST" else b',"httpmethod":%b' % quoted(method)
    return members if target == b"/score" else members + b',"httptarget":%b' % quoted(target.decode("latin-1"))
