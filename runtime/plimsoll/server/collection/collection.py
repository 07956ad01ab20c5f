"""What is collected: every request with its answer, and what run() gives to a collector."""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from functools import lru_cache
from pathlib import Path

from plimsoll.entry.collection.events import (
    COLLECTION,
    LARGEST_EMBEDDED_BYTES,
    Events,
    are_plain,
    base64_begin,
    ids_of,
    is_sampled,
    quoted,
    small_data,
)
from plimsoll.server.collection.files import CollectionFile
from plimsoll.server.collection.writer import PLACE, CollectionWriter, LargeLine
from plimsoll.settings.collecting import Collecting

REQUEST, RESPONSE = "request", "response"
_ENDING_S = 5.0
"""How long the last records may take at the end: a disk that stands still must not keep the server alive."""
_PAUSE_S = 0.05
_MOST_NOTED = 64
_MOST_NOTED_BYTES = 128 * 1024
_ATTRIBUTES_BYTES = 800
"""About what the two lines of an exchange hold beside its bodies."""
_MOST_COLLECTIONS = 62
"""Of the script's own: their names are chosen by code that is not ours, and each is a file."""

Exchanged = tuple[str, float, bytes, bytes, bytes | None, float, int, str, bytes | None]
"""Of one request its id, when it began (monotonic), what it is beside its body, content type and body; of its answer
when it ended, status, content type and body. A body that is not collected is None. A class would cost 0.2 µs more."""


class Collection:
    """Lives on the event loop.

    Requests and answers are noted when they are over, and become lines some dozens at a time: one after the other they
    take half of what they take each by itself, between other work.
    """

    def __init__(self, collecting: Collecting) -> None:
        instance = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        root = Path(collecting.folder, collecting.endpoint, collecting.deployment)
        self._rate = collecting.sampling_rate
        self._requests = Events(REQUEST, collecting.source, f"{instance}-q")
        self._responses = Events(RESPONSE, collecting.source, f"{instance}-r")
        self._names: set[str] = set()
        self._loop = asyncio.get_running_loop()
        self._noted: list[Exchanged] = []
        self._noted_bytes = 0
        self._most_noted_bytes = min(_MOST_NOTED_BYTES, collecting.buffer_bytes // 4)
        self._is_awaited = False
        self.takes_requests, self.takes_responses = collecting.takes(REQUEST), collecting.takes(RESPONSE)
        self.writer = CollectionWriter(
            lambda name: CollectionFile(root / name, instance, collecting.file_bytes), collecting.buffer_bytes
        )

    @property
    def held_bytes(self) -> int:
        """Of all that is not written yet; another thread may ask."""
        return self._noted_bytes + self.writer.held_bytes

    def takes(self, request_id: str) -> bool:
        """Whether a request, and its answer, is in the sample."""
        return self._rate >= 1.0 or is_sampled(request_id, self._rate)

    def note(self, exchanged: Exchanged) -> None:
        noted = self._noted
        if not self._is_awaited:
            self._is_awaited = True
            self._loop.call_later(_PAUSE_S, self._end_pause)
        noted.append(exchanged)
        received, sent = exchanged[4], exchanged[8]
        self._noted_bytes += _ATTRIBUTES_BYTES + (len(received) if received else 0) + (len(sent) if sent else 0)
        if len(noted) >= _MOST_NOTED or self._noted_bytes >= self._most_noted_bytes:
            self._make_lines()

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
        self._make_lines()
        self.writer.close(_ENDING_S)

    def _end_pause(self) -> None:
        self._is_awaited = False
        self._make_lines()

    def _make_lines(self) -> None:
        noted, self._noted = self._noted, []
        offset_s = time.time() - time.monotonic()
        requests: list[bytes] = []
        responses: list[bytes] = []
        bodies = (body for one in noted for body in (one[4], one[8]) if body)
        is_plain = are_plain([body for body in bodies if len(body) <= LARGEST_EMBEDDED_BYTES])
        for id, began_s, members, content_type, received, ended_s, status, answer_type, sent in noted:
            its_id = quoted(id)
            ids = ids_of(its_id, its_id)
            if received is not None:
                head, kind = (began_s + offset_s, ids, members), _text(content_type)
                if len(received) <= LARGEST_EMBEDDED_BYTES:
                    requests.append(self._requests.line(*head, small_data(received, kind, is_plain)))
                else:
                    self._add_large(REQUEST, self._requests, head, kind, received)
            if sent is not None:
                head = (ended_s + offset_s, ids, _status(status))
                if len(sent) <= LARGEST_EMBEDDED_BYTES:
                    responses.append(self._responses.line(*head, small_data(sent, answer_type, is_plain)))
                else:
                    self._add_large(RESPONSE, self._responses, head, answer_type, sent)
        self.writer.add_all(REQUEST, requests)
        self.writer.add_all(RESPONSE, responses)
        self._noted_bytes = 0

    def _add_large(self, name: str, events: Events, head: tuple[float, bytes, bytes], kind: str, body: bytes) -> None:
        if self.writer.has_room(len(body)):
            line = events.line(*head, (base64_begin(kind), PLACE, b'"'))
            self.writer.add(name, LargeLine(line, body))

    def _is_known(self, name: str) -> bool:
        if name not in self._names and len(self._names) < _MOST_COLLECTIONS and COLLECTION.fullmatch(name):
            self._names.add(name)
        return name in self._names


@lru_cache(maxsize=64)
def _text(content_type: bytes) -> str:
    return content_type.decode("latin-1")


@lru_cache(maxsize=64)
def _status(status: int) -> bytes:
    return b',"status":%d' % status
