"""Answers that do not wait for the body: they come at once, and what is left of the body is nobody's request.

A small rest is read and dropped and the connection goes on; else it ends, in a way that lets the answer arrive even at
a client that is still sending (RFC 9110 §15.5.14, RFC 9112 §9.3 and §9.6).
"""

from __future__ import annotations

from corpus.case import (
    CHUNKED,
    MAX_BODY_BYTES,
    POST,
    SMALL_BYTES,
    Case,
    answers,
    case,
    echo,
    posted,
    refused,
    status,
)

_SECTION = "9112 §9.3, §9.6"
_EARLY = {
    "the method": (b"PUT /score HTTP/1.1\r\nHost: x\r\n", 405),
    "the method of a probe": (b"POST /health/live HTTP/1.1\r\nHost: x\r\n", 405),
    "the path": (b"POST /nowhere HTTP/1.1\r\nHost: x\r\n", 404),
    "the deadline": (POST + b"X-Request-Timeout-Ms: soon\r\n", 400),
    "the id": (POST + b"X-Request-Id: " + b"i" * 101 + b"\r\n", 431),
}
_UNWANTED = b"GET /score?evil HTTP/1.1\r\nHost: x\r\n\r\n" * 25
_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(_UNWANTED), _UNWANTED)
_HUGE = 10_000_000
_SENT = b"y" * 300_000


def _length(head: bytes, count: int) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % count


def _chunked(head: bytes) -> bytes:
    return head + b"Transfer-Encoding: chunked\r\n\r\n"


def _early(name: str, head: bytes, code: int, keyed: bool = False) -> list[Case]:
    """The client sends the head, reads the answer, and only then sends the body."""
    sized, coded = _length(head, len(_UNWANTED)), _chunked(head)
    large = _length(head, _HUGE)
    good = answers(status(code))
    return [
        case(f"{name}: before the body", _SECTION, sized + _UNWANTED, good, waits={len(sized): 1}, keyed=keyed),
        case(f"{name}: before the chunks", _SECTION, coded + _CHUNKS, good, waits={len(coded): 1}, keyed=keyed),
        case(
            f"{name}: in the middle of the body",
            _SECTION,
            sized + _UNWANTED,
            good,
            waits={len(sized) + 70: 1},
            keyed=keyed,
        ),
        case(f"{name}: the body comes along", _SECTION, sized + _UNWANTED, good, keyed=keyed),
        case(f"{name}: 300,000 of 10,000,000 bytes", _SECTION, large + _SENT, refused(code), arrives=True, keyed=keyed),
        case(f"{name}: 10,000,000 bytes to come", _SECTION, large, refused(code), arrives=True, keyed=keyed),
    ]


_PUT = b"PUT /score HTTP/1.1\r\nHost: x\r\n"
CASES: tuple[Case, ...] = (
    *(one for name, (head, code) in _EARLY.items() for one in _early(name, head, code)),
    *_early("the key", POST, 401, keyed=True),
    case("64 KiB are read", _SECTION, _length(_PUT, SMALL_BYTES) + b"z" * SMALL_BYTES, answers(status(405))),
    case(
        "64 KiB are read, after the answer",
        _SECTION,
        _length(_PUT, SMALL_BYTES) + b"z" * SMALL_BYTES,
        answers(status(405)),
        waits={len(_length(_PUT, SMALL_BYTES)): 1},
    ),
    case(
        "a whole body of 300,000 bytes",
        _SECTION,
        _length(_PUT, len(_SENT)) + _SENT,
        refused(405),
        arrives=True,
    ),
    case(
        "chunks of 300,000 bytes",
        _SECTION,
        _chunked(_PUT) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(_SENT), _SENT),
        refused(405),
        arrives=True,
        unannounced=True,
    ),
    case(
        "one chunk without an end",
        _SECTION,
        _chunked(_PUT) + b"fffffff\r\n" + _SENT,
        refused(405),
        arrives=True,
        unannounced=True,
    ),
    case("too large, before the body", "9110 §15.5.14", _length(POST, MAX_BODY_BYTES + 1), refused(413), arrives=True),
    case(
        "too large, with all of it",
        "9110 §15.5.14; 9112 §9.6",
        posted(b"y" * (MAX_BODY_BYTES + 1)),
        refused(413),
        arrives=True,
    ),
    case(
        "too large by far, with some of it",
        "9110 §15.5.14; 9112 §9.6",
        _length(POST, _HUGE) + _SENT,
        refused(413),
        arrives=True,
    ),
    case("too large in chunks", "9110 §15.5.14; 9112 §9.6", CHUNKED + b"493e0\r\n" + _SENT, refused(413), arrives=True),
    case(
        "malformed, and the client sends on",
        "9112 §9.6",
        _length(POST, 5).replace(b"\r\n\r\n", b"\r\nContent-Length: 6\r\n\r\n") + _SENT,
        refused(400),
        arrives=True,
    ),
    case(
        "a head too large, and the client sends on",
        "9110 §5.4; 9112 §9.6",
        POST + b"X-A: " + _SENT,
        refused(431),
        arrives=True,
    ),
    case(
        "early, behind a good one",
        _SECTION,
        posted(b"one") + _length(_PUT, len(_UNWANTED)) + _UNWANTED,
        answers(echo(b"one"), status(405)),
    ),
    case(
        "early, behind a slow one",
        _SECTION,
        posted(b"one", b"X-Want: slow") + _length(_PUT, len(_UNWANTED)) + _UNWANTED,
        answers(echo(b"one"), status(405)),
    ),
    case(
        "early, and a good one behind it",
        _SECTION,
        _length(_PUT, len(_UNWANTED)) + _UNWANTED + posted(b"two"),
        answers(status(405), echo(b"two")),
    ),
    case(
        "early, and the rest is malformed",
        _SECTION,
        _chunked(_PUT) + b"5\r\nhello\r\nx\r\n",
        refused(405),
        arrives=True,
        unannounced=True,
        waits={len(_chunked(_PUT)): 1},
    ),
)
