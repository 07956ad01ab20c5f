"""Several requests on one connection: in order, each its own, nothing after an error (RFC 9112 §9.3.2, §9.6)."""

from __future__ import annotations

from corpus.case import (
    AUTHORIZATION,
    CHUNKED,
    GET,
    HEADLESS,
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    POST,
    Answer,
    Case,
    answers,
    case,
    echo,
    echoes,
    posted,
    refused,
    status,
)

_SECTION = "9112 §9.3.2"
_ONE, _TWO = posted(b"one"), posted(b"two")
_LOST = b"GET /score?evil HTTP/1.1\r\nHost: x\r\n\r\n"
_FIRST = (echo(b"one"),)
_HEAD = b"HEAD /score HTTP/1.1\r\nHost: x\r\n\r\n"
_LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
_THREE = CHUNKED + b"5\r\nthree\r\n0\r\n\r\n"
_GOT = echo(method=b"GET")

_ERRORS: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "a field without a colon": (GET + b"X\r\n\r\n", (400,)),
    "a coding and a length": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400,)),
    "a length that is none": (POST + b"Content-Length: x\r\n\r\n", (400,)),
    "a chunk size that is none": (CHUNKED + b"x\r\n", (400,)),
    "no Host": (b"GET /score HTTP/1.1\r\n\r\n", (400,)),
    "another version": (b"GET /score HTTP/2.0\r\nHost: x\r\n\r\n", (505,)),
    "zeros": (bytes(40), (400,)),
    "a head over the limit": (GET + b"X-A: " + b"a" * 2 * MAX_HEAD_BYTES + b"\r\n\r\n", (431,)),
    "a body over the limit": (POST + b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), (413,)),
}
_REFUSALS: dict[str, tuple[bytes, Answer]] = {
    "a method": (b"PUT /score HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", status(405)),
    "a method without a body": (b"DELETE /score HTTP/1.1\r\nHost: x\r\n\r\n", status(405)),
    "a path": (b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", status(404)),
    "a deadline": (posted(b"hello", b"X-Request-Timeout-Ms: soon"), status(400)),
    "an id": (posted(b"hello", b"X-Request-Id: " + b"i" * 101), status(431)),
    "a failing script": (posted(b"hello", b"X-Want: 500"), status(500)),
}

CASES: tuple[Case, ...] = (
    case("two", _SECTION, _ONE + _TWO, echoes(b"one", b"two")),
    case("three of different kinds", _SECTION, _ONE + GET + b"\r\n" + _THREE, answers(*_FIRST, _GOT, echo(b"three"))),
    case("twenty", _SECTION, b"".join(posted(b"%d" % n) for n in range(20)), echoes(*(b"%d" % n for n in range(20)))),
    case(
        "forty",
        _SECTION,
        b"".join(posted(b"%d" % n) for n in range(40)),
        echoes(*(b"%d" % n for n in range(40))),
    ),
    case("two in chunks", _SECTION, _THREE + _THREE, echoes(b"three", b"three")),
    case("chunks and a length", _SECTION, _THREE + _ONE, echoes(b"three", b"one")),
    case("a length and chunks", _SECTION, _ONE + _THREE, echoes(b"one", b"three")),
    case("HEAD in between", "9110 §9.3.2", _ONE + _HEAD + _TWO, answers(*_FIRST, HEADLESS, echo(b"two"))),
    case("a probe in between", _SECTION, _ONE + _LIVE + _TWO, answers(*_FIRST, status(200), echo(b"two"))),
    case("probes only", _SECTION, _LIVE * 5, answers(*[status(200)] * 5)),
    case(
        "a slow one first",
        _SECTION,
        posted(b"one", b"X-Want: slow") + _TWO + _LIVE,
        answers(*_FIRST, echo(b"two"), status(200)),
    ),
    case("a slow one, then a probe", _SECTION, posted(b"one", b"X-Want: slow") + _LIVE, answers(*_FIRST, status(200))),
    case("a streamed answer first", _SECTION, posted(b"", b"X-Want: stream") + _TWO, echoes(b"one two three", b"two")),
    case("empty bodies", _SECTION, posted(b"") * 4, echoes(b"", b"", b"", b"")),
    case("large and small", _SECTION, posted(b"x" * 70_000) + _ONE, echoes(b"x" * 70_000, b"one")),
    case("small and large", _SECTION, _ONE + posted(b"x" * 70_000), echoes(b"one", b"x" * 70_000)),
    *(
        case(f"an error behind a good one: {name}", f"{_SECTION}, §9.6", _ONE + raw, refused(*right, after=_FIRST))
        for name, (raw, right) in _ERRORS.items()
    ),
    *(
        case(f"nothing after an error: {name}", "9112 §9.6", raw + _LOST * 2, refused(*right))
        for name, (raw, right) in _ERRORS.items()
    ),
    *(
        case(
            f"an error behind a slow one: {name}",
            f"{_SECTION}, §9.6",
            posted(b"one", b"X-Want: slow") + raw,
            refused(*right, after=_FIRST),
        )
        for name, (raw, right) in list(_ERRORS.items())[:4]
    ),
    *(
        case(
            f"a refusal is no error of the connection: {name}",
            "9112 §9.3",
            _ONE + raw + _TWO,
            answers(*_FIRST, answer, echo(b"two")),
        )
        for name, (raw, answer) in _REFUSALS.items()
    ),
    case("close, and then more", "9112 §9.6", posted(b"one", b"Connection: close") + _LOST, echoes(b"one").then_ends()),
    case(
        "close in the second of three",
        "9112 §9.6",
        _ONE + posted(b"two", b"Connection: close") + _LOST,
        echoes(b"one", b"two").then_ends(),
    ),
    case(
        "close, and then an error",
        "9112 §9.6",
        posted(b"one", b"Connection: close") + bytes(40),
        echoes(b"one").then_ends(),
    ),
    case(
        "close on a refusal",
        "9112 §9.6",
        b"PUT /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + _LOST,
        answers(status(405)).then_ends(),
    ),
    case(
        "close on a probe",
        "9112 §9.6",
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + _LOST,
        answers(status(200)).then_ends(),
    ),
    case(
        "close with chunks",
        "9112 §9.6",
        CHUNKED[:-2] + b"Connection: close\r\n\r\n5\r\nthree\r\n0\r\n\r\n" + _LOST,
        echoes(b"three").then_ends(),
    ),
    case(
        "close on a slow one",
        "9112 §9.6",
        posted(b"one", b"X-Want: slow", b"Connection: close") + _LOST,
        echoes(b"one").then_ends(),
    ),
    case(
        "HTTP/1.0 behind HTTP/1.1",
        "9112 §9.3",
        _ONE + b"GET /score HTTP/1.0\r\n\r\n" + _LOST,
        answers(*_FIRST, _GOT).then_ends(),
    ),
    case(
        "no key, then a key",
        _SECTION,
        _ONE + posted(b"two", AUTHORIZATION),
        answers(status(401), echo(b"two")),
        keyed=True,
    ),
    case(
        "a key, then none",
        _SECTION,
        posted(b"one", AUTHORIZATION) + _TWO,
        answers(*_FIRST, status(401)),
        keyed=True,
    ),
    case(
        "an unknown method behind a good one",
        "9110 §15.6.2",
        _ONE + b"BREW /score HTTP/1.1\r\nHost: x\r\n\r\n",
        refused(501, after=_FIRST),
        answers(*_FIRST, status(501)),
    ),
)
