"""Clients that send FIN and still read (RFC 9112 §8, §9.6): what was asked is answered, what is torn never runs."""

from __future__ import annotations

from corpus.case import (
    BAD,
    CHUNKED,
    GET,
    HEADLESS,
    POST,
    SILENT_END,
    Answer,
    Case,
    Outcome,
    answers,
    case,
    echo,
    posted,
    refused,
    status,
)

_LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
_ENDS: dict[str, tuple[bytes, tuple[Answer, ...]]] = {
    "POST": (posted(b"hello"), (echo(b"hello"),)),
    "POST with an empty body": (posted(b""), (echo(),)),
    "POST without a body": (POST + b"\r\n", (echo(),)),
    "chunks": (CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", (echo(b"hello"),)),
    "chunks with a trailer": (CHUNKED + b"5\r\nhello\r\n0\r\nX-Evil: 1\r\n\r\n", (echo(b"hello"),)),
    "GET": (GET + b"\r\n", (echo(method=b"GET"),)),
    "HEAD": (b"HEAD /score HTTP/1.1\r\nHost: x\r\n\r\n", (HEADLESS,)),
    "a probe": (_LIVE, (status(200),)),
    "a refused method": (b"PUT /score HTTP/1.1\r\nHost: x\r\n\r\n", (status(405),)),
    "a path that is not there": (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", (status(404),)),
    "a slow answer": (posted(b"hello", b"X-Want: slow"), (echo(b"hello"),)),
    "a streamed answer": (posted(b"", b"X-Want: stream"), (echo(b"one two three"),)),
    "a large body": (posted(b"x" * 70_000), (echo(b"x" * 70_000),)),
    "HTTP/1.0": (b"GET /score HTTP/1.0\r\n\r\n", (echo(method=b"GET"),)),
    "Connection: close": (posted(b"hello", b"Connection: close"), (echo(b"hello"),)),
    "an upgrade": (posted(b"hello", b"Connection: upgrade", b"Upgrade: foo"), (echo(b"hello"),)),
    "two requests": (posted(b"one") + posted(b"two"), (echo(b"one"), echo(b"two"))),
    "five requests": (posted(b"one") * 5, (echo(b"one"),) * 5),
    "two slow ones": (posted(b"one", b"X-Want: slow") * 2, (echo(b"one"),) * 2),
    "a slow one and a probe": (posted(b"one", b"X-Want: slow") + _LIVE, (echo(b"one"), status(200))),
}
_TORN = {
    "one letter": b"P",
    "a method": b"POST",
    "half a request line": b"POST /score HT",
    "a request line": b"POST /score HTTP/1.1\r\n",
    "half a field": b"POST /score HTTP/1.1\r\nHo",
    "a head without its last line": POST,
    "a head without its last LF": POST + b"\r",
    "an empty line": b"\r\n",
    "a body that never began": POST + b"Content-Length: 5\r\n\r\n",
    "half a body": POST + b"Content-Length: 5\r\n\r\nhel",
    "a large body but for one byte": POST + b"Content-Length: 70001\r\n\r\n" + b"x" * 70_000,
    "half a chunk size": CHUNKED + b"1",
    "a chunk size without its LF": CHUNKED + b"5\r",
    "half a chunk": CHUNKED + b"5\r\nhel",
    "a chunk without its line end": CHUNKED + b"5\r\nhello",
    "no last chunk": CHUNKED + b"5\r\nhello\r\n",
    "half of the last chunk": CHUNKED + b"5\r\nhello\r\n0",
    "the last chunk without its last line": CHUNKED + b"5\r\nhello\r\n0\r\n",
    "the last chunk without its last LF": CHUNKED + b"5\r\nhello\r\n0\r\n\r",
    "half a trailer": CHUNKED + b"5\r\nhello\r\n0\r\nX-Ev",
    "a trailer without the last line": CHUNKED + b"5\r\nhello\r\n0\r\nX-Evil: 1\r\n",
}


def _ended(expected: tuple[Answer, ...]) -> Outcome:
    return answers(*expected).then_ends()


CASES: tuple[Case, ...] = (
    *(case(name, "9112 §9.6", raw, _ended(expected), half_close=True) for name, (raw, expected) in _ENDS.items()),
    *(case(f"torn: {name}", "9112 §8", raw, BAD, SILENT_END, half_close=True) for name, raw in _TORN.items()),
    case(
        "a good one and a torn one",
        "9112 §8, §9.3.2",
        posted(b"one") + POST + b"Content-Length: 5\r\n\r\nhel",
        _ended((echo(b"one"),)),
        refused(400, after=(echo(b"one"),)),
        half_close=True,
    ),
    case(
        "a good one and half a head",
        "9112 §8, §9.3.2",
        posted(b"one") + b"POST /sc",
        _ended((echo(b"one"),)),
        refused(400, after=(echo(b"one"),)),
        half_close=True,
    ),
    case("an error", "9112 §9.6", GET + b"X\r\n\r\n", BAD, half_close=True),
    case(
        "a good one and an error",
        "9112 §9.6",
        posted(b"one") + bytes(40),
        refused(400, after=(echo(b"one"),)),
        half_close=True,
    ),
    case(
        "a refused method and half a body",
        "9112 §8",
        b"PUT /score HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhel",
        _ended((status(405),)),
        half_close=True,
    ),
    case(
        "an expectation",
        "9110 §10.1.1; 9112 §8",
        POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        SILENT_END,
        BAD,
        _ended((status(100),)),
        refused(400, after=(status(100),)),
        half_close=True,
    ),
)
