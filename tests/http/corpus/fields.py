"""Field lines: names, values, line ends, how many (RFC 9112 §2.2 and §5, RFC 9110 §5)."""

from __future__ import annotations

from corpus.case import (
    BAD,
    GET,
    MAX_HEAD_BYTES,
    POST,
    Case,
    Outcome,
    answers,
    case,
    echo,
    echoes,
    posted,
    refused,
    status,
)

_GOOD_VALUES = {
    "one word": (b" a", b"a"),
    "no blank": (b"a", b"a"),
    "blanks around it": (b" \t a \t ", b"a"),
    "blanks inside": (b" a  b\tc", b"a  b\tc"),
    "none": (b"", b""),
    "only blanks": (b"  \t ", b""),
    "bytes over 127": (b" \x80\xe9\xff", b"\x80\xe9\xff"),
    "every printable character": (b" " + bytes(range(33, 127)), bytes(range(33, 127))),
    "a colon first": (b"::a:b", b"::a:b"),
    "something like a request": (b" GET / HTTP/1.1", b"GET / HTTP/1.1"),
    "3,000 bytes": (b" " + b"v" * 3_000, b"v" * 3_000),
}
_BAD_NAMES = {
    "empty": b"",
    "a blank before the colon": b"X-A ",
    "a tab before the colon": b"X-A\t",
    "a blank in it": b"X A",
    "a NUL": b"X\x00A",
    "a bare CR": b"X\rA",
    "a bare LF": b"X\nA",
    "a control character": b"X\x01A",
    "DEL": b"X\x7fA",
    "a byte over 127": b"X\xe9A",
    "a letter in UTF-8": "Xé".encode(),
    "round brackets": b"X(A)",
    "a comma": b"X,A",
    "a slash": b"X/A",
    "a semicolon": b"X;A",
    "angle brackets": b"<X>",
    "an equals sign": b"X=A",
    "a question mark": b"X?A",
    "an at sign": b"X@A",
    "square brackets": b"X[A]",
    "a backslash": b"X\\A",
    "curly brackets": b"X{A}",
    "quotes": b'"X"',
}
_BAD_VALUES = {
    "a NUL": b"a\x00b",
    "a NUL alone": b"\x00",
    "a bare CR": b"a\rb",
    "a bare CR first": b"\ra",
    "a bare CR last": b"a\r",
    "two CRs last": b"a\r\r",
    "a bare LF": b"a\nb",
}
_CONTROLS = (0x01, 0x07, 0x08, 0x0B, 0x0C, 0x1B, 0x1F, 0x7F)


def _probe(value: bytes) -> bytes:
    return GET + b"X-Probe:" + value + b"\r\n\r\n"


_FOUND = answers(echo(method=b"GET"))
CASES: tuple[Case, ...] = (
    *(
        case(f"value: {name}", "9110 §5.5", _probe(sent), answers(echo(probe=value)))
        for name, (sent, value) in _GOOD_VALUES.items()
    ),
    *(
        case(f"bad name: {name}", "9112 §5.1; 9110 §5.1", GET + sent + b": 1\r\n\r\n", BAD)
        for name, sent in _BAD_NAMES.items()
    ),
    *(case(f"bad value: {name}", "9110 §5.5; 9112 §2.2", _probe(sent), BAD) for name, sent in _BAD_VALUES.items()),
    *(
        case(f"a value with 0x{number:02x}", "9110 §5.5", _probe(b"a" + bytes([number]) + b"b"), BAD, _FOUND)
        for number in _CONTROLS
    ),
    case("every character of a name", "9110 §5.6.2", GET + b"!#$%&'*+-.^_`|~09azAZ: 1\r\n\r\n", _FOUND),
    case("a line without a colon", "9112 §5", GET + b"X-A\r\n\r\n", BAD),
    case("a line that is only a colon", "9112 §5", GET + b":\r\n\r\n", BAD),
    case("a folded line", "9112 §5.2", GET + b"X-Probe: a\r\n b\r\n\r\n", BAD),
    case("a line folded by a tab", "9112 §5.2", GET + b"X-Probe: a\r\n\tb\r\n\r\n", BAD),
    case("a fold of nothing", "9112 §5.2", GET + b"X-Probe: a\r\n \r\n\r\n", BAD),
    case("a fold in the first line", "9112 §2.2", b"GET /score HTTP/1.1\r\n Host: x\r\n\r\n", BAD),
    case("a tab before the first field", "9112 §2.2", b"GET /score HTTP/1.1\r\n\tHost: x\r\n\r\n", BAD),
    case("LF alone ends the lines", "9112 §2.2", GET.replace(b"\r\n", b"\n") + b"\n", BAD, _FOUND),
    case("LF alone ends the request line", "9112 §2.2", b"GET /score HTTP/1.1\nHost: x\r\n\r\n", BAD, _FOUND),
    case("LF alone ends a field", "9112 §2.2", GET + b"X-A: b\n\r\n", BAD, _FOUND),
    case("LF alone ends the head", "9112 §2.2", GET + b"X-A: b\r\n\n", BAD, _FOUND),
    case("CR alone ends the request line", "9112 §2.2", b"GET /score HTTP/1.1\rHost: x\r\n\r\n", BAD),
    case("CR alone ends the head", "9112 §2.2", GET + b"X-A: b\r\n\rX", BAD),
    case("CR CR LF ends the request line", "9112 §2.2", b"GET /score HTTP/1.1\r\r\nHost: x\r\n\r\n", BAD),
    case("one empty line first", "9112 §2.2", b"\r\n" + GET + b"\r\n", _FOUND),
    case("three empty lines first", "9112 §2.2", b"\r\n" * 3 + GET + b"\r\n", _FOUND, BAD),
    case("an empty line between requests", "9112 §2.2", posted(b"hi") + b"\r\n" + posted(b"ho"), echoes(b"hi", b"ho")),
    case("a blank line first", "9112 §2.2", b" \r\n" + GET + b"\r\n", BAD),
    case("a hundred fields", "9110 §5.4", GET + b"X-A: b\r\n" * 100 + b"\r\n", _FOUND),
    case(
        "the same field twice",
        "9110 §5.3",
        GET + b"X-Probe: a\r\nX-Probe: b\r\n\r\n",
        answers(echo(probe=b"a,b")),
        answers(echo(probe=b"a, b")),
    ),
    case(
        "one field over the limit", "9110 §5.4", GET + b"X-A: " + b"a" * 2 * MAX_HEAD_BYTES + b"\r\n\r\n", refused(431)
    ),
    case("fields over the limit", "9110 §5.4", GET + b"X-A: bcdefgh\r\n" * 1_000 + b"\r\n", refused(431)),
    case("a name over the limit", "9110 §5.4", GET + b"X" * 2 * MAX_HEAD_BYTES + b": a\r\n\r\n", refused(431)),
    case("fields without an end", "9110 §5.4", GET + b"X-A: " + b"a" * 65_536, refused(431)),
    case("empty lines without an end", "9112 §2.2; 9110 §5.4", b"\r\n" * 10_000, refused(400, 431)),
    case(
        "an id over 100 characters",
        "9110 §5.4",
        GET + b"X-Request-Id: " + b"i" * 101 + b"\r\n\r\n",
        answers(status(431)),
    ),
    case(
        "two content types",
        "9110 §8.3",
        posted(b"{}", b"Content-Type: text/plain", b"Content-Type: application/json"),
        BAD,
    ),
    case("the same content type twice", "9110 §8.3", posted(b"{}", *[b"Content-Type: text/plain"] * 2), BAD),
    case("one content type", "9110 §8.3", posted(b"{}", b"Content-Type: application/json"), echoes(b"{}")),
    case("Connection: close", "9112 §9.6", posted(b"hi", b"Connection: close"), echoes(b"hi").then_ends()),
    case("Connection: CLOSE", "9110 §7.6.1", posted(b"hi", b"Connection: CLOSE"), echoes(b"hi").then_ends()),
    case("close in a list", "9112 §9.6", posted(b"hi", b"Connection: x-a, close"), echoes(b"hi").then_ends()),
    case(
        "close in a second field",
        "9112 §9.6",
        posted(b"hi", b"Connection: x-a", b"Connection: close"),
        echoes(b"hi").then_ends(),
    ),
    case("a word that ends in close", "9110 §7.6.1", posted(b"hi", b"Connection: x-close"), echoes(b"hi")),
    case(
        "close beside keep-alive",
        "9112 §9.3",
        posted(b"hi", b"Connection: keep-alive, close"),
        echoes(b"hi").then_ends(),
    ),
    case("Connection: keep-alive", "9112 §9.3", posted(b"hi", b"Connection: keep-alive"), echoes(b"hi")),
    case("an empty Connection", "9110 §7.6.1", posted(b"hi", b"Connection:"), echoes(b"hi")),
    case(
        "Proxy-Connection is nobody's field",
        "9112 §C.2.2",
        posted(b"hi", b"Proxy-Connection: close"),
        echoes(b"hi"),
        echoes(b"hi").then_ends(),
    ),
    case("a date in a good answer", "9110 §6.6.1", GET + b"\r\n", answers(status(200, fields=(b"date",)))),
    case(
        "a date in a refusal of the script's path",
        "9110 §6.6.1",
        b"PUT /score HTTP/1.1\r\nHost: x\r\n\r\n",
        answers(status(405, fields=(b"date",))),
    ),
    case(
        "a date in a refusal of what is malformed",
        "9110 §6.6.1",
        GET + b"X A: b\r\n\r\n",
        Outcome((status(400, fields=(b"date",)),), ends=True),
    ),
    case(
        "the methods in a refusal",
        "9110 §15.5.6",
        b"PUT /health/live HTTP/1.1\r\nHost: x\r\n\r\n",
        answers(status(405, fields=(b"allow",))),
    ),
    case(
        "the scheme in a refusal",
        "9110 §15.5.2",
        POST + b"Content-Length: 0\r\n\r\n",
        answers(status(401, fields=(b"www-authenticate",))),
        keyed=True,
    ),
)
