"""Content-Length: what it may look like, and whose bytes are whose."""

from __future__ import annotations

from corpus.case import BAD, GET, POST, Case, case, echo, echoes, posted, refused

ALL_BYTES = bytes(range(256))
HIDDEN = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"0123456789" * 7_000

_WRONG = {
    "with a plus": b"+5",
    "with a minus": b"-5",
    "negative zero": b"-0",
    "with a letter behind it": b"5a",
    "hexadecimal": b"0x5",
    "a decimal fraction": b"5.0",
    "two numbers with a space": b"5 5",
    "empty": b"",
    "only blanks": b"  ",
    "a word": b"five",
    "an exponent": b"1e1",
    "with a semicolon": b"5;",
    "with an underscore": b"1_0",
    "in quotes": b'"5"',
    "digits of another script": "\u0665".encode(),
    "a full-width digit": "\uff15".encode(),
    "with a vertical tab before it": b"\x0b5",
    "with a form feed behind it": b"5\x0c",
    "with a NUL behind it": b"5\x00",
    "with a no-break space": b"\xa05",
    "a list of different numbers": b"5, 6",
    "a list that ends in a word": b"5, x",
}
_TOO_LARGE = {
    "2^63": b"9223372036854775808",
    "2^64": b"18446744073709551616",
    "2^64 + 5": b"18446744073709551621",
    "2^32 x 2^32 + 5 with zeros": b"0000018446744073709551621",
    "30 digits": b"1" + b"0" * 30,
    "400 digits": b"9" * 400,
}


def _with(value: bytes) -> bytes:
    return POST + b"Content-Length: " + value + b"\r\n\r\nhello"


CASES: tuple[Case, ...] = (
    case("a body of its length", "9112 §6.2", posted(b"hello"), echoes(b"hello")),
    case("an empty body", "9112 §6.2", posted(b""), echoes(b"")),
    case("neither length nor coding means no body", "9112 §6.3(7)", POST + b"\r\n", echoes(b"")),
    case("every byte there is", "9112 §6.2", posted(ALL_BYTES), echoes(ALL_BYTES)),
    case("a request in a body is a body", "9112 §6.2", posted(HIDDEN), echoes(HIDDEN)),
    case("a body of line ends", "9112 §6.2", posted(b"\r\n\r\n\r\n\r\n"), echoes(b"\r\n\r\n\r\n\r\n")),
    case(
        "a body that looks chunked", "9112 §6.2", posted(b"5\r\nhello\r\n0\r\n\r\n"), echoes(b"5\r\nhello\r\n0\r\n\r\n")
    ),
    case("70,000 bytes", "9112 §6.2", posted(LARGE), echoes(LARGE)),
    case("150,000 bytes", "9112 §6.2", posted(LARGE * 2 + b"x" * 10_000), echoes(LARGE * 2 + b"x" * 10_000)),
    case("leading zeros", "9110 §8.6", _with(b"0005"), echoes(b"hello")),
    case("very many leading zeros", "9110 §8.6", _with(b"0" * 100 + b"5"), echoes(b"hello"), BAD),
    case("blanks around the length", "9112 §5.1", POST + b"Content-Length: \t 5 \t \r\n\r\nhello", echoes(b"hello")),
    case("no blank before the length", "9112 §5.1", POST + b"Content-Length:5\r\n\r\nhello", echoes(b"hello")),
    case("the name in small letters", "9110 §5.1", POST + b"content-length: 5\r\n\r\nhello", echoes(b"hello")),
    case("the name in mixed letters", "9110 §5.1", POST + b"cOnTeNt-LeNgTh: 5\r\n\r\nhello", echoes(b"hello")),
    *(case(f"length {name}", "9112 §6.3(5)", _with(value), BAD) for name, value in _WRONG.items()),
    *(case(f"length of {name}", "9110 §8.6", _with(value), refused(400, 413)) for name, value in _TOO_LARGE.items()),
    case("a negative length of 64 bits", "9112 §6.3(5)", _with(b"-18446744073709551611"), BAD),
    case(
        "the same length twice",
        "9112 §6.3(5)",
        POST + b"Content-Length: 5\r\n" * 2 + b"\r\nhello",
        echoes(b"hello"),
        BAD,
    ),
    case("the same length in a list", "9112 §6.3(5)", _with(b"5, 5"), echoes(b"hello"), BAD),
    case(
        "the same length written in two ways",
        "9112 §6.3(5)",
        POST + b"Content-Length: 5\r\nContent-Length: 05\r\n\r\nhello",
        echoes(b"hello"),
        BAD,
    ),
    case("two lengths", "9112 §6.3(5)", POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", BAD),
    case("two lengths, zero first", "9112 §6.3(5)", POST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello", BAD),
    case("two lengths, zero last", "9112 §6.3(5)", POST + b"Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello", BAD),
    case(
        "three lengths",
        "9112 §6.3(5)",
        POST + b"Content-Length: 5\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        BAD,
    ),
    case(
        "a length and one that is none",
        "9112 §6.3(5)",
        POST + b"Content-Length: 5\r\nContent-Length: x\r\n\r\nhello",
        BAD,
    ),
    case(
        "two lengths far apart",
        "9112 §6.3(5)",
        POST + b"Content-Length: 5\r\n" + b"X-Between: y\r\n" * 20 + b"Content-Length: 6\r\n\r\nhello!",
        BAD,
    ),
    case("two lengths on GET", "9112 §6.3(5)", GET + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello", BAD),
    case("a bad length on GET", "9112 §6.3(5)", GET + b"Content-Length: x\r\n\r\n", BAD),
    case(
        "an underscore makes another field",
        "9110 §5.1",
        POST + b"Content_Length: 5\r\n\r\nhello\r\n\r\n",
        refused(400, 501, after=(echo(),)),
    ),
    case(
        "what follows the body is the next request",
        "9112 §6.3",
        posted(b"hello") + b"world\r\n\r\n",
        refused(400, 501, after=(echo(b"hello"),)),
    ),
    case(
        "a body that is longer than it says",
        "9112 §6.3",
        posted(b"hello") + b"\x00\x01\x02\x03",
        refused(400, after=(echo(b"hello"),)),
    ),
    case("a length within a length", "9112 §6.2", posted(posted(b"hello")), echoes(posted(b"hello"))),
)
