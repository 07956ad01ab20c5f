"""Expect (RFC 9110 §10.1.1)."""

from __future__ import annotations

from corpus.case import (
    CONTINUE,
    MAX_BODY_BYTES,
    POST,
    Case,
    Outcome,
    Way,
    answers,
    case,
    echo,
    echoes,
    posted,
    refused,
    status,
)

_SECTION = "9110 §10.1.1"
_HEAD = POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"
_CHUNKED = POST + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
_CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
_FIRST = posted(b"hi")
_ASKED = answers(CONTINUE, echo(b"hello"))
_UNASKED = echoes(b"hello")
_WHOLE = frozenset({Way.WHOLE})


def _with(
    head: bytes, body: bytes, *outcomes: Outcome, name: str, section: str = _SECTION, keyed: bool = False
) -> Case:
    """The client sends the body when it is told to go on, or has its answer."""
    return case(name, section, head + body, *outcomes, waits={len(head): 1}, keyed=keyed)


def _other(head: bytes) -> bytes:
    return head.replace(b"100-continue", b"200-maybe")


CASES: tuple[Case, ...] = (
    _with(_HEAD, b"hello", _ASKED, name="the client waits, with a length"),
    _with(_CHUNKED, _CHUNKS, _ASKED, name="the client waits, with chunks"),
    _with(_HEAD.replace(b"100-continue", b"100-Continue"), b"hello", _ASKED, name="the value in other letters"),
    _with(_HEAD.replace(b"Expect", b"EXPECT"), b"hello", _ASKED, name="the name in other letters"),
    case("the body comes with the head", _SECTION, _HEAD + b"hello", _UNASKED, ways=_WHOLE),
    case("the chunks come with the head", _SECTION, _CHUNKED + _CHUNKS, _UNASKED, ways=_WHOLE),
    case("the client does not wait", _SECTION, _HEAD + b"hello", _UNASKED, _ASKED),
    case("the client does not wait with chunks", _SECTION, _CHUNKED + _CHUNKS, _UNASKED, _ASKED),
    case(
        "nothing is to come",
        _SECTION,
        POST + b"Expect: 100-continue\r\nContent-Length: 0\r\n\r\n",
        echoes(b""),
    ),
    case("no body at all", _SECTION, POST + b"Expect: 100-continue\r\n\r\n", echoes(b"")),
    case(
        "a GET",
        _SECTION,
        b"GET /score HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n",
        answers(echo(method=b"GET")),
    ),
    case(
        "HTTP/1.0 gets none",
        _SECTION,
        b"POST /score HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        echoes(b"hello").then_ends(),
    ),
    case("another expectation", _SECTION, _other(_HEAD) + b"hello", answers(status(417)), refused(417)),
    case("another expectation with chunks", _SECTION, _other(_CHUNKED) + _CHUNKS, answers(status(417)), refused(417)),
    case(
        "another expectation beside 100-continue",
        _SECTION,
        POST + b"Expect: 100-continue, 200-maybe\r\nContent-Length: 5\r\n\r\nhello",
        answers(status(417)),
        refused(417),
    ),
    _with(
        b"PUT /score HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        b"hello",
        answers(status(405)),
        refused(405),
        name="refused instead: the method",
    ),
    _with(
        b"POST /nowhere HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        b"hello",
        answers(status(404)),
        refused(404),
        name="refused instead: the path",
    ),
    _with(_HEAD, b"hello", answers(status(401)), refused(401), name="refused instead: no key", keyed=True),
    case(
        "refused instead: too long",
        _SECTION,
        POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
        refused(413),
    ),
    case(
        "refused instead: a bad deadline",
        _SECTION,
        POST + b"X-Request-Timeout-Ms: soon\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        answers(status(400)),
        refused(400),
    ),
    case(
        "refused instead: malformed",
        _SECTION,
        POST + b"Expect: 100-continue\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        refused(400),
    ),
    case(
        "in the second request",
        _SECTION,
        _FIRST + _HEAD + b"hello",
        answers(echo(b"hi"), CONTINUE, echo(b"hello")),
        waits={len(_FIRST + _HEAD): 2},
    ),
    case(
        "not once more for the request behind it",
        _SECTION,
        _HEAD + b"hello" + _FIRST,
        answers(CONTINUE, echo(b"hello"), echo(b"hi")),
        waits={len(_HEAD): 1},
    ),
)
