"""Upgrade: no other protocol is spoken, so the field is ignored and the request stays a request (RFC 9110 §7.8)."""

from __future__ import annotations

from corpus.case import CHUNKED, GET, HEADLESS, POST, Case, answers, case, echo, echoes, posted, refused, status

_HIDDEN = b"GET /score?evil HTTP/1.1\r\nHost: x\r\n\r\n"
_FOO = (b"Connection: upgrade", b"Upgrade: foo")
_H2C = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
_WEBSOCKET = (
    b"Connection: keep-alive, Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
_OFFERS = {
    "foo": _FOO,
    "h2c": _H2C,
    "websocket": _WEBSOCKET,
    "several": (b"Connection: upgrade", b"Upgrade: foo/2, bar, h2c"),
}


def _lines(fields: tuple[bytes, ...]) -> bytes:
    return b"".join(line + b"\r\n" for line in fields)


def _chunked(fields: tuple[bytes, ...]) -> bytes:
    return CHUNKED[:-2] + _lines(fields) + b"\r\n5\r\nhello\r\n0\r\n\r\n"


_SECTION = "9110 §7.8"
CASES: tuple[Case, ...] = (
    *(
        case(f"{name}: a body of a length", _SECTION, posted(b"hello", *offer), echoes(b"hello"))
        for name, offer in _OFFERS.items()
    ),
    *(
        case(f"{name}: a body in chunks", _SECTION, _chunked(offer), echoes(b"hello"))
        for name, offer in _OFFERS.items()
    ),
    *(
        case(f"{name}: GET", _SECTION, GET + _lines(offer) + b"\r\n", answers(echo(method=b"GET")))
        for name, offer in _OFFERS.items()
    ),
    *(
        case(f"{name}: a request in the body is a body", _SECTION, posted(_HIDDEN, *offer), echoes(_HIDDEN))
        for name, offer in _OFFERS.items()
    ),
    *(
        case(
            f"{name}: the next request is one of its own",
            _SECTION,
            posted(b"hello", *offer) + posted(b"world"),
            echoes(b"hello", b"world"),
        )
        for name, offer in _OFFERS.items()
    ),
    case("the next request behind chunks", _SECTION, _chunked(_FOO) + posted(b"world"), echoes(b"hello", b"world")),
    case("GET and the next request", _SECTION, GET + _lines(_FOO) + b"\r\n" + posted(b"world"), echoes(b"", b"world")),
    case("POST without a body", _SECTION, POST + _lines(_FOO) + b"\r\n" + posted(b"world"), echoes(b"", b"world")),
    case(
        "a probe",
        _SECTION,
        b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + _lines(_WEBSOCKET) + b"\r\n" + posted(b"world"),
        answers(status(200), echo(b"world")),
    ),
    case(
        "HEAD",
        _SECTION,
        b"HEAD /score HTTP/1.1\r\nHost: x\r\n" + _lines(_FOO) + b"\r\n" + posted(b"world"),
        answers(HEADLESS, echo(b"world")),
    ),
    case(
        "a refused method",
        _SECTION,
        b"PUT /score HTTP/1.1\r\nHost: x\r\n" + _lines(_FOO) + b"Content-Length: 5\r\n\r\nhello",
        answers(status(405)),
    ),
    case("Connection without Upgrade", _SECTION, posted(b"hello", b"Connection: upgrade"), echoes(b"hello")),
    case("Upgrade without Connection", _SECTION, posted(b"hello", b"Upgrade: foo"), echoes(b"hello")),
    case("an empty Upgrade", _SECTION, posted(b"hello", b"Connection: upgrade", b"Upgrade:"), echoes(b"hello")),
    case(
        "upgrade and close",
        "9112 §9.6",
        posted(b"hello", b"Connection: upgrade, close", b"Upgrade: foo"),
        echoes(b"hello").then_ends(),
    ),
    case(
        "in HTTP/1.0 it is ignored too",
        _SECTION,
        b"POST /score HTTP/1.0\r\n" + _lines(_FOO) + b"Content-Length: 5\r\n\r\nhello",
        echoes(b"hello").then_ends(),
    ),
    case(
        "what is hidden behind a refused upgrade",
        _SECTION,
        posted(b"", *_FOO) + b"\x00\x00\x00",
        refused(400, after=(echo(),)),
    ),
    case(
        "HTTP/2 by prior knowledge",
        "9110 §15.6.6; 9112 §2.3",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        refused(400, 505),
    ),
)
