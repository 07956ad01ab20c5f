"""The four forms of a request target (RFC 9112 §3.2), and what is none."""

from __future__ import annotations

from corpus.case import BAD, MAX_HEAD_BYTES, SMALL_BYTES, Case, Outcome, answers, case, echo, refused, status

FOUND = answers(echo(method=b"GET"))
MISSING = answers(status(404))


def _get(target: bytes, host: bytes = b"x") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"


def _seen(target: bytes) -> Outcome:
    return answers(echo(method=b"GET", target=target))


_ORIGIN: dict[bytes, tuple[Outcome, ...]] = {
    b"/score": (_seen(b"/score"),),
    b"/score?": (FOUND,),
    b"/score?a=1&b=2": (_seen(b"/score?a=1&b=2"),),
    b"/score?a=%20%25": (_seen(b"/score?a=%20%25"),),
    b"/score?a=http://y/z?w": (_seen(b"/score?a=http://y/z?w"),),
    b"/score?a=/../b": (_seen(b"/score?a=/../b"),),
    b"/score?%": (FOUND, BAD),
    b"/score?[]{}|^`": (FOUND, BAD),
    b'/score?"<>\\': (FOUND, BAD),
    b"/score/": (MISSING,),
    b"/SCORE": (MISSING,),
    b"//score": (MISSING, BAD),
    b"/%73core": (FOUND, MISSING),
    b"/score%00": (MISSING, BAD),
    b"/score%0d%0aX:y": (MISSING, BAD),
    b"/x/../score": (FOUND, MISSING, BAD),
    b"/../score": (FOUND, MISSING, BAD),
    b"/./score": (FOUND, MISSING, BAD),
    b"/nowhere": (MISSING,),
}
_ABSOLUTE: dict[bytes, tuple[Outcome, ...]] = {
    b"http://x/score": (FOUND,),
    b"http://x/score?a=1": (FOUND,),
    b"http://other.example/score": (FOUND,),
    b"http://other.example:8080/score": (FOUND,),
    b"http://[::1]:5001/score": (FOUND,),
    b"HTTP://X/score": (FOUND,),
    b"http://x": (answers(status(200)),),
    b"http://x/": (answers(status(200)),),
    b"http://x?a=1": (answers(status(200)),),
    b"http://x/nowhere": (MISSING,),
    b"https://x/score": (FOUND, answers(status(421)), BAD),
    b"ftp://x/score": (BAD, answers(status(400, 404, 421)), refused(421)),
    b"http://user:pass@x/score": (FOUND, BAD),
    b"http://x:port/score": (BAD,),
    b"http:///score": (BAD,),
    b"http://": (BAD,),
    b"http:/score": (BAD,),
    b"http:score": (BAD,),
    b"http://x y/score": (BAD,),
    b"http://[::1/score": (BAD,),
}
_NONE = {
    "empty": b"",
    "no slash": b"score",
    "a query alone": b"?a=1",
    "a fragment": b"/score#part",
    "an authority": b"x:80",
    "a space in it": b"/score ?a",
    "a tab in it": b"/sc\tore",
    "a NUL in it": b"/score\x00",
    "a bare CR in it": b"/score\rX",
    "a bare LF in it": b"/score\nX",
    "a control character in it": b"/score\x01",
    "DEL in it": b"/score\x7f",
    "a vertical tab in it": b"/score\x0b",
    "a backslash first": b"\\score",
}
CASES: tuple[Case, ...] = (
    *(case(f"origin form {target!r}", "9112 §3.2.1", _get(target), *outcomes) for target, outcomes in _ORIGIN.items()),
    *(case(f"absolute form {target!r}", "9112 §3.2.2", _get(target), *right) for target, right in _ABSOLUTE.items()),
    *(
        case(f"no target: {name}", "9112 §3, §3.2", b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n", BAD)
        for name, target in _NONE.items()
    ),
    case("bytes over 127 in the path", "9112 §3.2.1", _get("/scoré".encode()), BAD, MISSING),
    case("bytes over 127 in the query", "9112 §3.2.1", _get(b"/score?\xff"), BAD, FOUND),
    case("absolute form with another Host", "9112 §3.2.2", _get(b"http://x/score", b"other.example"), FOUND),
    case("absolute form without Host", "9112 §3.2", b"GET http://x/score HTTP/1.1\r\n\r\n", BAD),
    case("absolute form with two Hosts", "9112 §3.2", _get(b"http://x/score", b"x\r\nHost: x"), BAD),
    case(
        "absolute form of a probe",
        "9112 §3.2.2",
        _get(b"http://x/health/live"),
        answers(status(200)),
    ),
    case(
        "absolute form with a body",
        "9112 §3.2.2",
        b"POST http://x/score HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        answers(echo(b"hello", method=b"POST")),
    ),
    case(
        "absolute form in HTTP/1.0",
        "9112 §3.2.2",
        b"GET http://x/score HTTP/1.0\r\n\r\n",
        answers(echo(method=b"GET")).then_ends(),
    ),
    case(
        "OPTIONS of the server",
        "9112 §3.2.4; 9110 §9.3.7",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        answers(status(200, 204, 404, 405)),
    ),
    case("GET of the server", "9112 §3.2.4", _get(b"*"), BAD, MISSING),
    case("POST of the server", "9112 §3.2.4", b"POST * HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", BAD, MISSING),
    case(
        "CONNECT",
        "9112 §3.2.3; 9110 §9.3.6",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n",
        answers(status(405, 501)),
        refused(400, 405, 501),
    ),
    case(
        "CONNECT, and a request in the tunnel that there is none of",
        "9112 §3.2.3; 9110 §9.3.6",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n" + _get(b"/score"),
        answers(status(405, 501), echo(method=b"GET")),
        refused(400, 405, 501),
    ),
    case(
        "a target larger than a head may be",
        "9112 §3",
        _get(b"/score?" + b"a" * 2 * MAX_HEAD_BYTES),
        refused(414, 431),
    ),
    case(
        "a target without an end",
        "9112 §3",
        b"GET /score?" + b"a" * SMALL_BYTES,
        refused(414, 431),
    ),
    case("a target of 3,000 bytes", "9112 §3", _get(b"/score?" + b"a" * 3_000), _seen(b"/score?" + b"a" * 3_000)),
)
