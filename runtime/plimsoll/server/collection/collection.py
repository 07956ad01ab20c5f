"""What is collected: every request with its answer, and what run() gives to a collector."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

from plimsoll.entry.collection.events import (
    COLLECTION,
    LARGEST_EMBEDDED_BYTES,
    Events,
    base64_begin,
    is_sampled,
    small_data,
)
from plimsoll.server.collection.files import CollectionFile
from plimsoll.server.collection.writer import PLACE, CollectionWriter, LargeLine
from plimsoll.settings.collecting import Collecting

REQUEST, RESPONSE = "request", "response"
_ENDING_S = 5.0
"""How long the last records may take at the end: a disk that stands still must not keep the server alive."""
_STATUS = {200: b',"status":200'}
_MOST_COLLECTIONS = 62
"""Of the script's own: their names are chosen by code that is not ours, and each is a file."""


class Collection:
    """Lives on the event loop."""

    def __init__(self, collecting: Collecting) -> None:
        instance = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        root = Path(collecting.folder, collecting.endpoint, collecting.deployment)
        self._rate = collecting.sampling_rate
        self._requests = Events(REQUEST, collecting.source, f"{instance}-q")
        self._responses = Events(RESPONSE, collecting.source, f"{instance}-r")
        self._names: set[str] = set()
        self.takes_requests, self.takes_responses = collecting.takes(REQUEST), collecting.takes(RESPONSE)
        self.writer = CollectionWriter(
            lambda name: CollectionFile(root / name, instance, collecting.file_bytes), collecting.buffer_bytes
        )

    def takes(self, request_id: str) -> bool:
        """Whether a request, and its answer, is in the sample."""
        return self._rate >= 1.0 or is_sampled(request_id, self._rate)

    def add_request(self, at_s: float, quoted_id: bytes, more: bytes, content_type: str, body: bytes) -> None:
        self._add(REQUEST, self._requests, at_s, quoted_id, more, content_type, body)

    def add_response(self, at_s: float, quoted_id: bytes, status: int, content_type: str, body: bytes) -> None:
        more = _STATUS[status] if status in _STATUS else b',"status":%d' % status
        self._add(RESPONSE, self._responses, at_s, quoted_id, more, content_type, body)

    def add_record(self, name: str, line: bytes) -> None:
        """What a worker has made: it runs the user's code, so that only what is one line gets into a file.

        And into no file of the front's: what lies there counts as a client's, and is replayed.
        """
        if name.lower() in (REQUEST, RESPONSE) or not self._is_known(name) or line.find(b"\n") != len(line) - 1:
            self.writer.drop("malformed", 1)
        else:
            self.writer.add(name, line)

    def note_dropped(self, count: int) -> None:
        """By a worker whose channel was full."""
        self.writer.drop("worker_full", count)

    def close(self) -> None:
        self.writer.close(_ENDING_S)

    def _add(
        self, name: str, events: Events, at_s: float, quoted_id: bytes, more: bytes, content_type: str, body: bytes
    ) -> None:
        writer = self.writer
        if len(body) <= LARGEST_EMBEDDED_BYTES:
            writer.add(name, events.line(at_s, quoted_id, quoted_id, more, small_data(body, content_type)))
        elif writer.has_room(len(body)):
            data = (base64_begin(content_type), PLACE, b'"')
            writer.add(name, LargeLine(events.line(at_s, quoted_id, quoted_id, more, data), body))

    def _is_known(self, name: str) -> bool:
        if name not in self._names and len(self._names) < _MOST_COLLECTIONS and COLLECTION.fullmatch(name):
            self._names.add(name)
        return name in self._names
