"""A request to `/score` that is collected: what came in and what went out is kept until the call is over.

A class of its own, so that a server that collects nothing has nothing to ask. Its attributes have defaults rather than
slots: half a dozen assignments per request would be a tenth of what collecting it costs.
"""

from __future__ import annotations

import time
from functools import lru_cache

from plimsoll.contracts.azureml.routes import SCORE
from plimsoll.entry.collection.events import quoted
from plimsoll.errors import RequestError
from plimsoll.server.collection.collection import Collection
from plimsoll.server.http.request import Request
from plimsoll.server.scoring import CLIENT_GONE, ScoringCall
from plimsoll.workers.frames import Frame, decode_headers
from plimsoll.workers.shared.buffers import Lease, SharedAnswer

_JSON = "application/json"
_SCORE = SCORE.encode()
_FIELDS = {b"inference-header-content-length": b"inferenceheadercontentlength", b"content-encoding": b"contentencoding"}
"""Without these nobody could tell where the JSON of a v2 request ends and its tensors begin, nor unpack it."""


class CollectedCall(ScoringCall):
    """Large bodies are copied where there is room for them: their memory is needed for others."""

    collection: Collection
    """Of the server; set on a subclass, see `collected_by`."""
    _received: bytes | None = None
    """None until it is submitted: what is refused before, for want of a key, is nobody's business."""
    _is_lost = False
    _is_too_long = False
    _answer_type = _JSON
    _sent: bytes | bytearray | None = None

    def submit(self, head: bytes) -> None:
        body = self.exchange.request.body
        self._received = body if isinstance(body, bytes) else self._copied(body)
        ScoringCall.submit(self, head)

    def refuse(self, error: RequestError) -> None:
        self._answer_type = _JSON
        super().refuse(error)

    def _answer(self, frame: Frame) -> None:
        self._answer_type = _content_type(frame.head)
        # Copied before it is sent: then the memory is another answer's.
        if frame.shared is not None and self._wants(len(frame.shared)):
            self._sent = bytes(frame.shared.view)
        ScoringCall._answer(self, frame)

    def _begin_stream(self, frame: Frame) -> None:
        self._answer_type, self._sent = _content_type(frame.head), bytearray()
        super()._begin_stream(frame)

    def _on_chunk(self, frame: Frame) -> None:
        if isinstance(self._sent, bytearray):
            self._sent += frame.shared.view if frame.shared is not None else frame.body
            if not self._wants(len(self._sent)):
                self._sent, self._is_too_long = None, True
        super()._on_chunk(frame)

    def _over(self, status: int, outcome: str, size: int | None, body: bytes | SharedAnswer = b"") -> None:
        if self._received is not None and not self._is_over:
            self._collect(status, body if self._sent is None else bytes(self._sent))
        ScoringCall._over(self, status, outcome, size, body)

    def _copied(self, body: Lease) -> bytes:
        """For as long as it is held: one that is not wanted, or finds no room, is empty."""
        collection = self.collection
        if not (collection.takes_requests and collection.takes(self.ids.text)):
            return b""
        self._is_lost = not collection.writer.has_room(body.length)
        return b"" if self._is_lost else bytes(body.view[: body.length])

    def _wants(self, size_bytes: int) -> bool:
        collection = self.collection
        return collection.takes_responses and collection.takes(self.ids.text) and collection.writer.has_room(size_bytes)

    def _collect(self, status: int, sent: bytes | SharedAnswer) -> None:
        collection, id, received = self.collection, self.ids.text, self._received
        if not collection.takes(id):
            return
        if not collection.takes_requests or self._is_lost:
            received = None
        answer = sent if collection.takes_responses and type(sent) is bytes else None
        if self._is_too_long or status == CLIENT_GONE:
            answer = None
        request = self.exchange.request
        members = b"" if request.target == _SCORE and request.method == "POST" else _members(request)
        kind, now_s = request.fields.get(b"content-type", b""), time.monotonic()
        collection.note((id, self.began_s, members, kind, received, now_s, status, self._answer_type, answer))


def _members(request: Request) -> bytes:
    """What a request is beside its body; a plain POST to the scoring route needs no word."""
    members = b"" if request.method == "POST" else b',"httpmethod":%b' % quoted(request.method)
    target = request.target.decode("latin-1")
    if target != SCORE:
        members += b',"httptarget":%b' % quoted(target)
    for field, member in _FIELDS.items():
        if (value := request.fields.get(field)) is not None:
            members += b',"%b":%b' % (member, quoted(value.decode("latin-1")))
    return members


def collected_by(collection: Collection) -> type[CollectedCall]:
    """The class of the calls that `collection` takes."""
    return type("_CollectedCall", (CollectedCall,), {"collection": collection})


@lru_cache(maxsize=64)
def _content_type(head: bytes) -> str:
    found = (value for name, value in decode_headers(head) if name == b"content-type")
    return next(found, b"").decode("latin-1")
