"""Bodies where they mean nothing, and answers that have none (RFC 9110 §6.4.1, §9.3, §15.3.5; RFC 9112 §6.3)."""

from __future__ import annotations

from corpus.case import HEADLESS, Answer, Case, Outcome, answers, case, echo, echoes, posted, status

_HIDDEN = b"GET /score?evil HTTP/1.1\r\nHost: x\r\n\r\n"
_SIZED = b"Content-Length: %d\r\n" % len(_HIDDEN)
_CODED = b"Transfer-Encoding: chunked\r\n"
_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(_HIDDEN), _HIDDEN)
_LIVE = b"/health/live"


def _asked(method: bytes, target: bytes, fields: bytes, body: bytes = b"") -> bytes:
    return method + b" " + target + b" HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n" + body


def _both(name: str, section: str, method: bytes, target: bytes, outcome: Outcome) -> list[Case]:
    return [
        case(f"{name} with a length", section, _asked(method, target, _SIZED, _HIDDEN), outcome),
        case(f"{name} with chunks", section, _asked(method, target, _CODED, _CHUNKS), outcome),
    ]


def _wanted(code: bytes, *fields: bytes) -> bytes:
    return posted(b"hello", b"X-Want: " + code, *fields)


NONE = Answer(frozenset({204}), b"")
UNCHANGED = Answer(frozenset({304}), b"")
_STREAMED = echo(b"one two three")
CASES: tuple[Case, ...] = (
    *_both("GET", "9110 §9.3.1", b"GET", b"/score", answers(echo(_HIDDEN, method=b"GET"))),
    *_both("OPTIONS", "9110 §9.3.7", b"OPTIONS", b"/score", answers(echo(_HIDDEN, method=b"OPTIONS"))),
    *_both("HEAD", "9110 §9.3.2", b"HEAD", b"/score", answers(HEADLESS)),
    *_both("a probe", "9110 §9.3.1", b"GET", _LIVE, answers(status(200))),
    *_both("HEAD of a probe", "9110 §9.3.2", b"HEAD", _LIVE, answers(HEADLESS)),
    *_both("the front page", "9110 §9.3.1", b"GET", b"/", answers(status(200))),
    *_both("DELETE", "9110 §9.3.5", b"DELETE", b"/score", answers(status(405))),
    *_both("TRACE", "9110 §9.3.8", b"TRACE", b"/score", answers(status(405))),
    *_both("a path that is not there", "9110 §15.5.5", b"GET", b"/nowhere", answers(status(404))),
    case(
        "GET with a length of 0",
        "9110 §9.3.1",
        _asked(b"GET", b"/score", b"Content-Length: 0\r\n"),
        answers(echo(method=b"GET")),
    ),
    case("204 has no body", "9110 §15.3.5", _wanted(b"204"), answers(NONE)),
    case("204 and the next", "9112 §6.3(1)", _wanted(b"204") + posted(b"next"), answers(NONE, echo(b"next"))),
    case("304 has no body", "9110 §15.4.5", _wanted(b"304"), answers(UNCHANGED)),
    case("304 and the next", "9112 §6.3(1)", _wanted(b"304") + posted(b"next"), answers(UNCHANGED, echo(b"next"))),
    case("204 that closes", "9112 §9.6", _wanted(b"204", b"Connection: close"), answers(NONE).then_ends()),
    case(
        "204 to chunks", "9110 §15.3.5", _asked(b"POST", b"/score", b"X-Want: 204\r\n" + _CODED, _CHUNKS), answers(NONE)
    ),
    case(
        "HEAD of 204",
        "9110 §9.3.2",
        _asked(b"HEAD", b"/score", b"X-Want: 204\r\n"),
        answers(status(204, bodiless=True)),
    ),
    case(
        "HEAD of an error",
        "9110 §9.3.2",
        _asked(b"HEAD", b"/score", b"X-Want: 500\r\n"),
        answers(status(500, bodiless=True)),
    ),
    case(
        "HEAD of a streamed answer", "9110 §9.3.2", _asked(b"HEAD", b"/score", b"X-Want: stream\r\n"), answers(HEADLESS)
    ),
    case(
        "HEAD of a streamed answer and the next",
        "9110 §9.3.2",
        _asked(b"HEAD", b"/score", b"X-Want: stream\r\n") + posted(b"next"),
        answers(HEADLESS, echo(b"next")),
    ),
    case("a streamed answer", "9112 §7.1", _wanted(b"stream"), answers(_STREAMED)),
    case("a streamed answer twice", "9112 §7.1", _wanted(b"stream") * 2, answers(_STREAMED, _STREAMED)),
    case(
        "a streamed answer that closes",
        "9112 §9.6",
        _wanted(b"stream", b"Connection: close"),
        answers(_STREAMED).then_ends(),
    ),
    case("an error of the script", "9110 §15.6.1", _wanted(b"500"), answers(status(500))),
    case(
        "an error of the script and the next",
        "9112 §9.3",
        _wanted(b"500") + posted(b"next"),
        answers(status(500), echo(b"next")),
    ),
    case("a large answer", "9112 §6.2", posted(b"a" * 190_000), echoes(b"a" * 190_000)),
)
