"""From the bytes of a connection to requests: httptools for heads, and for what little comes in one piece with them.

A body of known length that has not come whole with its head is read past the parser, straight from the socket to
where it will lie (`get_buffer`), never a byte further. A chunked one is decoded here: llhttp takes trailers for fields
of the head, without a limit. Everything that a request must not be (RFC 9112) ends the reading: nothing after it on the
same connection is looked at.

    HEAD ─┬─ PARSED ──────────┬─ HEAD       no body, or one that came whole in the piece with its head
          ├─ DIRECT ──────────┤             a body of known length, past the parser
          │    └─ STARVED ─ DIRECT          as long as there is no memory for more: its owner does not read
          ├─ CHUNKED ─────────┘             a chunked one, past the parser
          └────────────────────── ENDED     no more is read: an error, or the client asked for no more
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, NoReturn

import httptools

from plimsoll.errors import (
    HeadTooLarge,
    MalformedRequest,
    MethodNotAllowed,
    NotImplementedByServer,
    RequestError,
    VersionNotSupported,
)
from plimsoll.server.http.beginning import Beginning
from plimsoll.server.http.body import GrowingBody, KnownBody
from plimsoll.server.http.chunks import Chunks
from plimsoll.server.http.head import Fields
from plimsoll.server.http.owner import RequestOwner
from plimsoll.server.http.request import Request
from plimsoll.workers.shared.buffers import BufferPool

_VERSIONS = "HTTP/1.1 and HTTP/1.0 are spoken here, and no other version."
_METHODS = {name.encode(): name for name in ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE")}


class ReaderState(Enum):
    HEAD = auto()
    PARSED = auto()
    DIRECT = auto()
    STARVED = auto()
    CHUNKED = auto()
    ENDED = auto()


class _Leaving(Exception):
    """Leaves the parser from within a callback."""


class RequestReader:
    """`took` is told of every piece; the owner hears of heads and errors, and sees `Request.complete`."""

    __slots__ = (
        "_beginning",
        "_begun",
        "_body",
        "_chunks",
        "_error",
        "_headers",
        "_max_body_bytes",
        "_max_head_bytes",
        "_owner",
        "_parser",
        "_piece_bytes",
        "_pool",
        "_request",
        "_rest",
        "_scratch",
        "_url",
        "has_surplus",
        "state",
    )

    def __init__(
        self,
        owner: RequestOwner,
        scratch: memoryview,
        pool: BufferPool,
        max_head_bytes: int,
        max_body_bytes: int,
    ) -> None:
        """`scratch` may be shared by all connections of a loop: what it holds is used up before `took` returns.

        `pool`: memory for large bodies.
        """
        self.state = ReaderState.HEAD
        self.has_surplus = False
        """Bytes came that belong to no request that will be answered."""
        self._owner: RequestOwner | None = owner
        self._scratch = scratch
        self._pool = pool
        self._max_head_bytes = max_head_bytes
        self._max_body_bytes = max_body_bytes
        self._parser: Any = None
        self._request: Request | None = None
        self._rest: memoryview | None = None
        self._body: KnownBody | GrowingBody | None = None
        self._chunks: Chunks | None = None
        self._error: RequestError | None = None
        self._headers: Fields = []
        self._url = b""
        self._piece_bytes = 0
        self._begun = False
        self._beginning = Beginning()

    @property
    def in_head(self) -> bool:
        """Whether a part of a head has come, be it an empty line before it."""
        return len(self._beginning) > 0

    def get_buffer(self) -> memoryview:
        """Where the next bytes go: into the body itself where its length is known."""
        return self._scratch if self._rest is None else self._rest

    def took(self, count: int) -> None:
        """`count` bytes have been put where `get_buffer` said."""
        if self.state is ReaderState.DIRECT:
            self._took_directly(count)
        elif self.state is ReaderState.ENDED:
            self.has_surplus = True
        else:
            self._feed(self._scratch[:count])

    @property
    def starved(self) -> bool:
        """There is no memory for the body that comes: not to be read until `on_fed`."""
        return self.state is ReaderState.STARVED

    def lags(self, now: float) -> bool:
        """Whether the body that comes is too slow for memory that others wait for."""
        return isinstance(self._body, KnownBody) and self._body.lags(now)

    def end(self) -> None:
        """No more requests: what still comes is only noted as surplus."""
        if self._body is not None:
            self._body.discard()
            self._body = None
        self.state, self._parser, self._rest, self._chunks = ReaderState.ENDED, None, None, None
        self._request = None
        self._beginning.clear()

    def close(self) -> None:
        """The connection is gone. What refers to each other lets go, so that no collector has to find it."""
        self.end()
        self._owner = None

    # httptools calls these.

    def on_message_begin(self) -> None:
        if self.state is ReaderState.ENDED:
            raise _Leaving
        self._begun = True

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        if len(self._beginning) + self._piece_bytes > self._max_head_bytes < self._head_size():
            self._refuse(self._head_too_large())
        try:
            self._request = request = self._new_request()
        except RequestError as error:
            self._refuse(error)
        self.state, self._begun = ReaderState.PARSED, False
        if self._owner is not None:
            self._owner.on_head(request)
        if request.chunked:
            raise _Leaving

    def on_body(self, data: bytes) -> None:
        if (request := self._request) is not None:
            request.received_bytes = len(data)
            if not request.unwanted:
                request.body = data

    def on_message_complete(self) -> None:
        request = self._request
        if request is None or request.received_bytes < (request.content_length or 0):
            return  # an Upgrade: the parser takes what follows for another protocol's, and we for the body
        self._beginning.on_passed(request.received_bytes)
        self._complete(request)

    # Ours.

    def _new_request(self) -> Request:
        version = self._parser.get_http_version()
        if version == "0.9":
            raise MalformedRequest("The request line has no HTTP version.")
        if version not in ("1.1", "1.0"):
            raise VersionNotSupported(_VERSIONS)
        method = self._parser.get_method()
        if method == b"CONNECT":
            raise MethodNotAllowed("The method is not allowed for the requested URL.")
        keep_alive = self._parser.should_keep_alive()
        name = _METHODS.get(method) or method.decode("latin-1")
        return Request(name, self._url, self._headers, is_http_1_0=version == "1.0", keep_alive=keep_alive)

    def _feed(self, piece: memoryview) -> None:
        while len(piece) and self.state is not ReaderState.ENDED:
            if self.state is ReaderState.DIRECT:
                piece = self._feed_directly(piece)
            elif self.state is ReaderState.STARVED:
                piece = self._feed_starved(piece)
            elif self.state is ReaderState.CHUNKED:
                piece = self._feed_chunks(piece)
            else:
                piece = self._feed_parser(piece)
        if len(piece):
            self.has_surplus = True

    def _feed_parser(self, piece: memoryview) -> memoryview:
        """Returns what comes behind what the parser was to look at."""
        self._piece_bytes = len(piece)
        self._beginning.on_piece()
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            self._parser = None  # no other protocol is spoken here: ignored (RFC 9110 §7.8)
            return self._after_piece(piece[upgrade.args[0] :])
        except httptools.HttpParserCallbackError:
            return self._on_left(piece)
        except httptools.HttpParserError as error:
            self._on_parse_error(error, piece)
            return piece[:0]
        return self._after_piece(piece[:0], whole=piece)

    def _after_piece(self, rest: memoryview, whole: memoryview | None = None) -> memoryview:
        """The parser has gone through the piece, but for `rest`."""
        # Without a beginning, and without a message that has ended, it was an empty line.
        if self.state is ReaderState.HEAD and whole is not None and (self._begun or not self._beginning.has_passed):
            self._beginning.keep(whole)
            if len(self._beginning) > self._max_head_bytes:
                self._break(self._head_too_large())
        else:
            self._beginning.clear()
        if self.state is ReaderState.PARSED:
            assert self._request is not None
            self._go_on_directly(self._request)
        return rest

    def _on_left(self, piece: memoryview) -> memoryview:
        """The parser was left from within a callback: for a chunked body, for an error, or behind the last request."""
        if self._error is not None:
            self._break(self._error)
            return piece[:0]
        if self.state is ReaderState.ENDED:
            self.has_surplus = True
            return piece[:0]
        if self.state is not ReaderState.PARSED:
            raise
        at = self._beginning.head_end(piece)
        self._beginning.clear()
        self._parser, self.state = None, ReaderState.CHUNKED
        assert self._request is not None
        self._body = body = None if self._request.unwanted else GrowingBody(self._max_body_bytes, self._pool)
        self._chunks = Chunks(body, self._max_head_bytes)
        return piece[at:]

    def _on_parse_error(self, error: httptools.HttpParserError, piece: memoryview) -> None:
        text = str(error)
        if self.state is ReaderState.ENDED:  # "Connection: close", and more: not to be looked at (RFC 9112 §9.6)
            self.has_surplus = True
        elif text == "Invalid HTTP version" or "PRI" in text:
            self._break(VersionNotSupported(_VERSIONS))
        elif isinstance(error, httptools.HttpParserInvalidMethodError) and self._beginning.names_method(piece):
            self._break(NotImplementedByServer("The method is not known."))
        else:
            self._break(MalformedRequest(f"Invalid HTTP request received: {text}."))

    def _go_on_directly(self, request: Request) -> None:
        """Abandons the parser during a message; the next message gets a new one."""
        self._parser, self.state = None, ReaderState.DIRECT
        if request.unwanted:
            self._aim(request)
            return
        assert request.content_length is not None
        self._body = body = KnownBody(request.content_length, self._pool, request.received_bytes)
        if body.has_room():
            self._take_first(request, body)
        else:
            self._starve(request, body)

    def _starve(self, request: Request, body: KnownBody) -> None:
        self.state, self._rest = ReaderState.STARVED, None
        body.when_room(lambda: self._on_room(request, body))

    def _on_room(self, request: Request, body: KnownBody) -> None:
        self.state = ReaderState.DIRECT
        self._take_first(request, body)
        if self._owner is not None:
            self._owner.on_fed()

    def _take_first(self, request: Request, body: KnownBody) -> None:
        """What came with the head, or while there was no room."""
        assert isinstance(request.body, bytes)
        body.append(request.body)
        request.body = b""
        self._aim(request)

    def _aim(self, request: Request) -> None:
        if request.unwanted:
            self._rest = self._scratch[: int(request.remaining_bytes)]
        elif isinstance(self._body, KnownBody):
            self._rest = self._body.room()

    def _feed_directly(self, piece: memoryview) -> memoryview:
        """Bytes of the body that have already been read, together with something else."""
        assert self._rest is not None
        count = min(len(piece), len(self._rest))
        if self._request is not None and not self._request.unwanted:
            self._rest[:count] = piece[:count]
        self._took_directly(count)
        return piece[count:]

    def _feed_starved(self, piece: memoryview) -> memoryview:
        """The same while there is no memory: no more than what had been read by then."""
        request = self._request
        assert request is not None
        assert isinstance(request.body, bytes)
        count = int(min(len(piece), request.remaining_bytes))
        request.body += bytes(piece[:count])
        request.received_bytes += count
        if not request.remaining_bytes:
            assert isinstance(self._body, KnownBody)
            request.body, self._body = self._body.torn_out() + request.body, None
            self._complete(request)
        return piece[count:]

    def _took_directly(self, count: int) -> None:
        request = self._request
        assert request is not None
        request.received_bytes += count
        if isinstance(self._body, KnownBody):
            self._body.received_bytes += count
        if request.received_bytes == request.content_length:
            self._rest = None
            self._complete(request)
        elif isinstance(self._body, KnownBody) and not self._body.has_room():
            self._starve(request, self._body)
        else:
            self._aim(request)

    def _feed_chunks(self, piece: memoryview) -> memoryview:
        request, chunks = self._request, self._chunks
        assert request is not None
        assert chunks is not None
        try:
            count = chunks.feed(piece)
        except RequestError as error:
            self._break(error)
            return piece[:0]
        request.received_bytes = chunks.received_bytes
        if chunks.over:
            self._chunks = None
            self._complete(request)
        return piece[count:]

    def _complete(self, request: Request) -> None:
        if self._body is not None:
            request.body, self._body = self._body.whole(), None
        request.complete = True
        self._request, self._url, self._headers = None, b"", []
        self.state = ReaderState.HEAD
        if not request.keep_alive:
            self.end()

    def _head_size(self) -> int:
        return len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)

    def _head_too_large(self) -> HeadTooLarge:
        return HeadTooLarge(f"The request head is larger than {self._max_head_bytes} bytes.")

    def _refuse(self, error: RequestError) -> NoReturn:
        self._error = error
        raise _Leaving

    def _break(self, error: RequestError) -> None:
        self.end()
        self.has_surplus = True
        if self._owner is not None:
            self._owner.on_broken(error)
