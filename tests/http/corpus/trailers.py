"""Trailer fields: read, bounded, dropped. They never become fields of the request (RFC 9110 §6.5.1)."""

from __future__ import annotations

from corpus.case import (
    AUTHORIZATION,
    BAD,
    CHUNKED,
    MAX_HEAD_BYTES,
    POST,
    Case,
    answers,
    case,
    echo,
    echoes,
    refused,
    status,
)

_DATA = b"5\r\nhello\r\n0\r\n"
_NEXT = b"GET /score?next HTTP/1.1\r\nHost: x\r\n\r\n"

_HARMLESS = {
    "one field": b"X-Evil: 1\r\n",
    "a field that the head has too": b"Host: evil\r\n",
    "the request id": b"X-Request-Id: evil\r\n",
    "the client's request id": b"X-Ms-Client-Request-Id: evil\r\n",
    "a deadline that has passed": b"X-Request-Timeout-Ms: 0\r\n",
    "a length": b"Content-Length: 3\r\n",
    "a length that is none": b"Content-Length: evil\r\n",
    "the coding": b"Transfer-Encoding: chunked\r\n",
    "Connection: close": b"Connection: close\r\n",
    "an upgrade": b"Connection: upgrade\r\nUpgrade: evil\r\n",
    "an expectation": b"Expect: evil\r\n",
    "a content type": b"Content-Type: text/evil\r\n",
    "a value over 127": b"X-Evil: \xe9\xff\r\n",
    "an empty value": b"X-Evil:\r\n",
    "blanks around a value": b"X-Evil: \t evil \t \r\n",
    "ten fields": b"X-Evil: 1\r\n" * 10,
}
_WRONG = {
    "a blank before the colon": b"X-Evil : 1\r\n",
    "no colon": b"X-Evil 1\r\n",
    "no name": b": 1\r\n",
    "a NUL in a value": b"X-Evil: \x00\r\n",
    "a NUL in a name": b"X-\x00Evil: 1\r\n",
    "a bare CR": b"X-Evil: 1\r2\r\n",
    "a folded line": b"X-Evil: 1\r\n 2\r\n",
    "a blank before the first name": b" X-Evil: 1\r\n",
    "brackets in a name": b"X[Evil]: 1\r\n",
    "a request line": b"GET /score HTTP/1.1\r\n",
}


def _trailed(trailers: bytes, head: bytes = CHUNKED) -> bytes:
    return head + _DATA + trailers + b"\r\n"


CASES: tuple[Case, ...] = (
    *(
        case(f"a trailer: {name}", "9110 §6.5.1; 9112 §7.1.2", _trailed(trailers), echoes(b"hello"))
        for name, trailers in _HARMLESS.items()
    ),
    *(
        case(f"a malformed trailer: {name}", "9112 §7.1.2, §5.1", _trailed(trailers), BAD)
        for name, trailers in _WRONG.items()
    ),
    case(
        "trailers that are announced",
        "9110 §6.6.2",
        _trailed(b"X-Evil: 1\r\n", POST + b"Trailer: X-Other\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"),
        echoes(b"hello"),
    ),
    case(
        "a field in the head wins over the trailer",
        "9110 §6.5.1",
        _trailed(b"X-Probe: evil\r\n", POST + b"X-Probe: good\r\nTransfer-Encoding: chunked\r\n\r\n"),
        answers(echo(b"hello", probe=b"good")),
    ),
    case("the key in a trailer", "9110 §6.5.1", _trailed(AUTHORIZATION + b"\r\n"), answers(status(401)), keyed=True),
    case(
        "the key in the head, and a wrong one in a trailer",
        "9110 §6.5.1",
        _trailed(b"Authorization: Bearer EVIL\r\n", POST + AUTHORIZATION + b"\r\nTransfer-Encoding: chunked\r\n\r\n"),
        echoes(b"hello"),
        keyed=True,
    ),
    case(
        "the key in a trailer counts for nobody",
        "9110 §6.5.1",
        _trailed(AUTHORIZATION + b"\r\n") + POST + b"Content-Length: 2\r\n\r\nhi",
        answers(status(401), status(401)),
        keyed=True,
    ),
    case(
        "a trailer and the next request",
        "9112 §9.3.2",
        _trailed(b"X-Evil: 1\r\n") + _NEXT,
        answers(echo(b"hello"), echo(method=b"GET", target=b"/score?next")),
    ),
    case(
        "a trailer of the request before",
        "9110 §6.5.1",
        _trailed(b"X-Probe: evil\r\n") * 2 + _NEXT,
        answers(echo(b"hello"), echo(b"hello"), echo(probe=b"")),
    ),
    case(
        "one trailer over the limit",
        "9110 §6.5, §5.4",
        _trailed(b"X-Evil: " + b"y" * 2 * MAX_HEAD_BYTES + b"\r\n"),
        refused(431),
    ),
    case("many trailers over the limit", "9110 §6.5, §5.4", _trailed(b"X-Evil: 12345\r\n" * 1_000), refused(431)),
    case("names of trailers over the limit", "9110 §6.5, §5.4", _trailed((b"X" * 500 + b":\r\n") * 20), refused(431)),
    case(
        "a trailer without an end",
        "9110 §6.5, §5.4",
        CHUNKED + _DATA + b"X-Evil: " + b"y" * 4 * MAX_HEAD_BYTES,
        refused(431),
    ),
    case(
        "a trailer's name without an end", "9110 §6.5, §5.4", CHUNKED + _DATA + b"X" * 4 * MAX_HEAD_BYTES, refused(431)
    ),
    case("trailers of 2,000 bytes", "9110 §6.5", _trailed((b"X-Evil: " + b"y" * 90 + b"\r\n") * 20), echoes(b"hello")),
)
