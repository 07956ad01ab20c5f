"""A request to `/score` that is collected: what came in and what went out is kept until the call is over.

A class of its own, so that a server that collects nothing has nothing to ask.
"""

from __future__ import annotations

import time
from functools import lru_cache

from plimsoll.errors import RequestError
from plimsoll.server.collection.collection import Collection, request_members
from plimsoll.server.http.exchange import Exchange
from plimsoll.server.scoring import CLIENT_GONE, Ids, Scoring, ScoringCall
from plimsoll.workers.frames import Frame, decode_headers
from plimsoll.workers.shared.buffers import SharedAnswer

_JSON = "application/json"


class CollectedCall(ScoringCall):
    """Large bodies are copied where there is room for them: their memory is needed for others."""

    __slots__ = ("_answer_type", "_collection", "_is_kept", "_is_too_long", "_received", "_sent")

    def __init__(self, scoring: Scoring, exchange: Exchange, ids: Ids, collection: Collection) -> None:
        super().__init__(scoring, exchange, ids)
        self._collection = collection
        self._received: bytes | None = None
        self._is_kept = False
        self._answer_type = _JSON
        self._sent: bytearray | None = None
        self._is_too_long = False

    def submit(self, head: bytes) -> None:
        body = self.exchange.request.body
        self._is_kept = self._collection.takes(self.ids.text)
        if self._is_kept and self._collection.takes_requests:
            if isinstance(body, bytes):
                self._received = body
            elif self._collection.writer.has_room(body.length):
                self._received = bytes(body.view[: body.length])
        super().submit(head)

    def _answer(self, frame: Frame) -> None:
        self._answer_type = _content_type(frame.head)
        # Copied before it is sent: then the memory is another answer's.
        if frame.shared is not None and self._wants(len(frame.shared)):
            self._sent = bytearray(frame.shared.view)
        super()._answer(frame)

    def _begin_stream(self, frame: Frame) -> None:
        self._answer_type, self._sent = _content_type(frame.head), bytearray()
        super()._begin_stream(frame)

    def _on_chunk(self, frame: Frame) -> None:
        if self._sent is not None:
            self._sent += frame.shared.view if frame.shared is not None else frame.body
            if not self._wants(len(self._sent)):
                self._sent, self._is_too_long = None, True
        super()._on_chunk(frame)

    def refuse(self, error: RequestError) -> None:
        self._answer_type = _JSON
        super().refuse(error)

    def _over(self, status: int, outcome: str, size: int | None, body: bytes | SharedAnswer = b"") -> None:
        if self._is_kept and not self._is_over:
            self._collect(status, body if self._sent is None else bytes(self._sent))
        super()._over(status, outcome, size, body)

    def _wants(self, size_bytes: int) -> bool:
        return self._is_kept and self._collection.takes_responses and self._collection.writer.has_room(size_bytes)

    def _collect(self, status: int, sent: bytes | SharedAnswer) -> None:
        request, text = self.exchange.request, self.ids.text
        if self._received is not None:
            at_s = time.time() - (time.monotonic() - self.began_s)
            kind = request.fields.get(b"content-type", b"").decode("latin-1")
            members = request_members(request.method, request.target)
            self._collection.add_request(at_s, text, members, kind, self._received)
        if self._collection.takes_responses and isinstance(sent, bytes) and not self._is_too_long and status != CLIENT_GONE:
            self._collection.add_response(text, status, self._answer_type, sent)


@lru_cache(maxsize=64)
def _content_type(head: bytes) -> str:
    found = (value for name, value in decode_headers(head) if name == b"content-type")
    return next(found, b"").decode("latin-1")
