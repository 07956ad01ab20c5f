"""Methods: those of the script, those refused, those that nobody knows (RFC 9110 §9.1, §15.5.6, §15.6.2)."""

from __future__ import annotations

from corpus.case import BAD, HEADLESS, Case, Outcome, answers, case, echo, refused, status

_REFUSED = (b"PUT", b"DELETE", b"PATCH", b"TRACE")
_EXTENSIONS = (b"PROPFIND", b"MKCOL", b"PURGE", b"REPORT", b"M-SEARCH", b"SOURCE", b"QUERY")
_UNKNOWN = {
    "BREW": b"BREW",
    "get in small letters": b"get",
    "post in small letters": b"post",
    "Post in mixed letters": b"Post",
    "a known one and a letter": b"GETX",
    "most of a known one": b"POS",
    "one letter": b"X",
    "a hyphen": b"FOO-BAR",
    "every mark of a token": b"!#$%&'*+-.^_`|~",
    "digits": b"123",
    "300 letters": b"A" * 300,
}
_NONE = {
    "empty": b"",
    "brackets": b"G(T",
    "a slash": b"G/T",
    "a colon": b"GET:",
    "a comma": b"GET,POST",
    "quotes": b'"GET"',
    "a NUL": b"G\x00T",
    "a control character": b"G\x01T",
    "a byte over 127": b"G\xc9T",
    "a bare CR": b"G\rT",
    "a bare LF": b"G\nT",
    "curly brackets": b"{GET}",
    "a blank first": b" GET",
    "a tab first": b"\tGET",
}
UNKNOWN = (refused(501), answers(status(501)))


def _line(method: bytes, target: bytes = b"/score", fields: bytes = b"") -> bytes:
    return method + b" " + target + b" HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n"


_BODY = b"Content-Length: 5\r\n"
_CHUNKS = b"Transfer-Encoding: chunked\r\n"
_TARGETS = (b"/", b"/health/live", b"/health/ready", b"/metrics")
_FOUND: Outcome = answers(status(200))
CASES: tuple[Case, ...] = (
    case("GET", "9110 §9.3.1", _line(b"GET"), answers(echo(method=b"GET"))),
    case("POST", "9110 §9.3.3", _line(b"POST"), answers(echo(method=b"POST"))),
    case("OPTIONS", "9110 §9.3.7", _line(b"OPTIONS"), answers(echo(method=b"OPTIONS"))),
    case("HEAD", "9110 §9.3.2", _line(b"HEAD"), answers(HEADLESS)),
    *(
        case(f"HEAD of {target.decode()}", "9110 §9.3.2", _line(b"HEAD", target), answers(HEADLESS))
        for target in _TARGETS
    ),
    case("HEAD of what is not there", "9110 §9.3.2", _line(b"HEAD", b"/nowhere"), answers(status(404, bodiless=True))),
    *(
        case(f"{method.decode()} of the script", "9110 §15.5.6", _line(method), answers(status(405)))
        for method in _REFUSED
    ),
    *(
        case(f"{method.decode()} of a probe", "9110 §15.5.6", _line(method, b"/health/live"), answers(status(405)))
        for method in (*_REFUSED, b"POST")
    ),
    *(
        case(
            f"{method.decode()} of what is not there", "9110 §15.5.5", _line(method, b"/nowhere"), answers(status(404))
        )
        for method in (*_REFUSED, b"POST")
    ),
    *(
        case(
            f"{method.decode()} with a body",
            "9110 §15.5.6; 9112 §9.3",
            _line(method, fields=_BODY) + b"hello",
            answers(status(405)),
        )
        for method in _REFUSED
    ),
    *(
        case(
            f"{method.decode()} with chunks",
            "9110 §15.5.6; 9112 §9.3",
            _line(method, fields=_CHUNKS) + b"5\r\nhello\r\n0\r\n\r\n",
            answers(status(405)),
        )
        for method in _REFUSED
    ),
    *(
        case(f"an extension: {method.decode()}", "9110 §9.1, §16.1", _line(method), answers(status(405)), *UNKNOWN)
        for method in _EXTENSIONS
    ),
    *(case(f"unknown: {name}", "9110 §9.1, §15.6.2", _line(method), *UNKNOWN) for name, method in _UNKNOWN.items()),
    *(case(f"no method: {name}", "9112 §3.1; 9110 §5.6.2", _line(method), BAD) for name, method in _NONE.items()),
    case("unknown, with a body", "9110 §15.6.2", _line(b"BREW", fields=_BODY) + b"hello", *UNKNOWN),
    case("unknown, of what is not there", "9110 §15.6.2", _line(b"BREW", b"/nowhere"), *UNKNOWN, answers(status(404))),
    case("unknown and without Host", "9112 §3.2; 9110 §15.6.2", b"BREW /score HTTP/1.1\r\n\r\n", BAD, refused(501)),
    case("HEAD and GET", "9110 §9.3.2", _line(b"HEAD") + _line(b"GET"), answers(HEADLESS, echo(method=b"GET"))),
    case("a method without an end", "9112 §3", b"A" * 65_536, refused(400, 431, 501)),
)
