"""From the bytes of a connection to requests: httptools for heads and chunks, and our own count for the rest.

A body of known length that has not come whole with its head is read past the parser, straight from the socket to
where it will lie (`get_buffer`), never a byte further. Everything that a request must not be (RFC 9112) ends the
reading: nothing after it on the same connection is looked at.

    HEAD ─── PARSED ─── HEAD        a body that the parser sees: chunked, or whole in the piece with its head
      │  └── DIRECT ─── HEAD        a body of known length, past the parser
      └───────┴──────── ENDED       no more is read: an error, or the client asked for no more
"""

from __future__ import annotations

import mmap
import re
from enum import Enum, auto
from typing import Any, NoReturn, Protocol

import httptools

from plimsoll.errors import (
    BodyTooLarge,
    HeadTooLarge,
    MalformedRequest,
    MethodNotAllowed,
    NotImplementedByServer,
    RequestError,
    VersionNotSupported,
)
from plimsoll.server.http.request import Fields, Request

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]")
_VERSIONS = "HTTP/1.1 and HTTP/1.0 are spoken here, and no other version."
_METHODS = {name.encode(): name for name in ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE")}
_LARGE_BYTES = 64 * 1024


class ReaderState(Enum):
    HEAD = auto()
    PARSED = auto()
    DIRECT = auto()
    ENDED = auto()


class RequestOwner(Protocol):
    def on_head(self, request: Request) -> None:
        """A head is complete. May set `unwanted`."""

    def on_broken(self, error: RequestError) -> None:
        """What came cannot be a request, or goes beyond a limit; the reader has ended."""


class _Refused(Exception):
    """Leaves the parser from within a callback."""


class RequestReader:
    """`took` is told of every piece; the owner hears of heads and errors, and sees `Request.complete`."""

    __slots__ = (
        "_begun",
        "_chunks",
        "_completed",
        "_error",
        "_fed_bytes",
        "_headers",
        "_heard",
        "_max_body_bytes",
        "_max_head_bytes",
        "_owner",
        "_parser",
        "_piece_bytes",
        "_priming",
        "_request",
        "_rest",
        "_scratch",
        "_silent_bytes",
        "_trailer_bytes",
        "_upgrading",
        "_url",
        "has_surplus",
        "state",
    )

    def __init__(self, owner: RequestOwner, scratch: memoryview, max_head_bytes: int, max_body_bytes: int) -> None:
        """`scratch` may be shared by all connections of a loop: what it holds is used up before `took` returns."""
        self.state = ReaderState.HEAD
        self.has_surplus = False
        """Bytes came that belong to no request that will be answered."""
        self._owner = owner
        self._scratch = scratch
        self._max_head_bytes = max_head_bytes
        self._max_body_bytes = max_body_bytes
        self._parser: Any = None
        self._request: Request | None = None
        self._rest: memoryview | None = None
        self._error: RequestError | None = None
        self._headers: Fields = []
        self._chunks = bytearray()
        self._url = b""
        self._fed_bytes = self._piece_bytes = self._silent_bytes = self._trailer_bytes = 0
        self._begun = self._completed = self._heard = self._priming = self._upgrading = False

    @property
    def in_head(self) -> bool:
        """Whether a part of a head has come, be it an empty line before it."""
        return self._begun or self._fed_bytes > 0

    @property
    def request(self) -> Request | None:
        """The one whose body is still coming."""
        return self._request

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

    def end(self) -> None:
        """No more requests: what still comes is only noted as surplus."""
        self.state, self._parser, self._rest, self._request = ReaderState.ENDED, None, None, None
        self._begun, self._fed_bytes, self._chunks = False, 0, bytearray()

    # httptools calls these.

    def on_message_begin(self) -> None:
        if self.state is ReaderState.ENDED:
            raise _Refused
        if not self._priming:
            self._url, self._headers, self._begun = b"", [], True

    def on_url(self, url: bytes) -> None:
        if not self._priming:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._priming:
            return
        if self._request is None:
            self._headers.append((name.lower(), value))
            return
        self._trailer_bytes += len(name) + len(value) + 4  # read, counted, and dropped (RFC 9110 §6.5.1)
        if self._trailer_bytes > self._max_head_bytes:
            self._refuse(HeadTooLarge(f"The trailers are larger than {self._max_head_bytes} bytes."))

    def on_headers_complete(self) -> None:
        if self._priming:
            return
        if self._fed_bytes + self._piece_bytes > self._max_head_bytes < self._head_size():
            self._refuse(self._head_too_large())
        try:
            self._request = request = self._new_request()
        except RequestError as error:
            self._refuse(error)
        self._upgrading = self._parser.should_upgrade()
        self._trailer_bytes = self._silent_bytes = self._fed_bytes = 0
        self._begun = False
        self.state = ReaderState.PARSED
        self._owner.on_head(request)

    def on_chunk_header(self) -> None:
        self._heard = True

    def on_body(self, data: bytes) -> None:
        request = self._request
        self._heard = True
        if request is None:
            return
        request.received_bytes += len(data)
        if request.unwanted:
            return
        if not request.chunked:
            request.body = data
        elif request.received_bytes > self._max_body_bytes:
            self._refuse(BodyTooLarge(f"The request body is larger than {self._max_body_bytes} bytes."))
        else:
            self._chunks += data

    def on_message_complete(self) -> None:
        request = self._request
        if request is None or (self._upgrading and (request.chunked or request.content_length)):
            return  # the parser takes what follows for another protocol's, and we for the body
        self._complete(request)

    # Ours.

    def _new_request(self) -> Request:
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise VersionNotSupported(_VERSIONS)
        method = self._parser.get_method()
        if method == b"CONNECT":
            raise MethodNotAllowed("The method is not allowed for the requested URL.")
        keep_alive = self._parser.should_keep_alive()
        name = _METHODS.get(method) or method.decode("latin-1")
        return Request(name, self._url, self._headers, is_http_1_0=version == "1.0", keep_alive=keep_alive)

    def _feed(self, piece: memoryview) -> None:
        self._heard = self._completed = False
        rest: memoryview | None = piece
        while rest and self.state is not ReaderState.ENDED:
            rest = self._feed_directly(rest) if self.state is ReaderState.DIRECT else self._feed_parser(rest)
        if self.state is ReaderState.HEAD:
            self._fed_bytes = self._head_size() if self._completed else self._fed_bytes + len(piece)
            if self._fed_bytes > self._max_head_bytes:
                self._break(self._head_too_large())
        elif self.state is ReaderState.PARSED:
            self._after_body_piece(len(piece))

    def _feed_parser(self, piece: memoryview) -> memoryview | None:
        """Returns what the parser has not looked at."""
        self._piece_bytes = len(piece)
        if self._parser is None:
            self._parser = _new_parser(self)
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_upgrade(piece[upgrade.args[0] :])
        except httptools.HttpParserCallbackError:
            if self._error is not None:
                self._break(self._error)
            elif self.state is not ReaderState.ENDED:
                raise
            self.has_surplus = True
        except httptools.HttpParserError as error:
            self._on_parse_error(error, piece)
        return None

    def _without_upgrade(self, rest: memoryview) -> memoryview:
        """No other protocol is spoken here: an Upgrade is ignored (RFC 9110 §7.8), and the request's framing holds."""
        self._parser = None
        request = self._request
        if request is not None and request.chunked:
            self._upgrading = False
            self._parser, self._priming = _new_parser(self), True
            self._parser.feed_data(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
            self._priming = False
        elif request is not None:
            self._go_on_directly(request)
        return rest

    def _on_parse_error(self, error: httptools.HttpParserError, piece: memoryview) -> None:
        text = str(error)
        if self.state is ReaderState.ENDED:  # "Connection: close", and more: not to be looked at (RFC 9112 §9.6)
            self.has_surplus = True
        elif text == "Invalid HTTP version" or "PRI" in text:
            self._break(VersionNotSupported(_VERSIONS))
        elif isinstance(error, httptools.HttpParserInvalidMethodError) and self._begins_with_token(piece):
            self._break(NotImplementedByServer("The method is not known."))
        else:
            self._break(MalformedRequest(f"Invalid HTTP request received: {text}."))

    def _begins_with_token(self, piece: memoryview) -> bool:
        """Whether the piece could hold a method; after another message it cannot be told where that would begin."""
        return not self._completed and _TOKEN.match(piece) is not None

    def _after_body_piece(self, count: int) -> None:
        request = self._request
        assert request is not None
        if not request.chunked:
            self._go_on_directly(request)
            return
        self._silent_bytes = 0 if self._heard else self._silent_bytes + count
        if self._silent_bytes > self._max_head_bytes:
            self._break(
                HeadTooLarge(f"Trailers or the extensions of a chunk are larger than {self._max_head_bytes} bytes.")
            )

    def _go_on_directly(self, request: Request) -> None:
        """The parser is left behind in the middle of a message; the next one gets a new one."""
        self._parser, self._upgrading, self.state = None, False, ReaderState.DIRECT
        if not request.unwanted:
            assert request.content_length is not None
            came = request.body
            # Pages of a mapping cost nothing before something is written to them: a length that is a lie is free.
            large = request.content_length > _LARGE_BYTES
            body = memoryview(mmap.mmap(-1, request.content_length) if large else bytearray(request.content_length))
            body[: len(came)] = came
            request.body = body
        self._aim(request)

    def _aim(self, request: Request) -> None:
        assert request.content_length is not None
        if request.unwanted:
            self._rest = self._scratch[: request.content_length - request.received_bytes]
        else:
            self._rest = memoryview(request.body)[request.received_bytes :]

    def _feed_directly(self, piece: memoryview) -> memoryview:
        """Bytes of the body that have already been read, together with something else."""
        assert self._rest is not None
        count = min(len(piece), len(self._rest))
        self._rest[:count] = piece[:count]
        self._took_directly(count)
        return piece[count:]

    def _took_directly(self, count: int) -> None:
        request = self._request
        assert request is not None
        request.received_bytes += count
        if request.received_bytes == request.content_length:
            self._rest = None
            self._complete(request)
        else:
            self._aim(request)

    def _complete(self, request: Request) -> None:
        if self._chunks:
            request.body, self._chunks = memoryview(self._chunks), bytearray()
        if isinstance(request.body, memoryview) and len(request.body) <= _LARGE_BYTES:
            request.body = bytes(request.body)
        request.complete = self._completed = True
        self._request, self._url, self._headers = None, b"", []
        self._begun, self._fed_bytes = False, 0
        self.state = ReaderState.HEAD
        if not request.keep_alive:
            self.end()

    def _head_size(self) -> int:
        return len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)

    def _head_too_large(self) -> HeadTooLarge:
        return HeadTooLarge(f"The request head is larger than {self._max_head_bytes} bytes.")

    def _refuse(self, error: RequestError) -> NoReturn:
        self._error = error
        raise _Refused

    def _break(self, error: RequestError) -> None:
        self.end()
        self.has_surplus = True
        self._owner.on_broken(error)


def _new_parser(reader: RequestReader) -> Any:
    parser = httptools.HttpRequestParser(reader)
    # RFC 9112 §7.1.1: white space may stand between a chunk's size and its extensions.
    parser.set_dangerous_leniencies(lenient_spaces_after_chunk_size=True)
    return parser
