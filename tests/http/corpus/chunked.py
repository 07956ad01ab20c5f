"""The chunked coding: sizes, extensions, line ends."""

from __future__ import annotations

from corpus.case import BAD, CHUNKED, MAX_BODY_BYTES, MAX_HEAD_BYTES, SILENT_END, Case, Way, case, echo, echoes, refused

_WHOLE = frozenset({Way.WHOLE})
_END = b"0\r\n\r\n"
_HELLO = b"\r\nhello\r\n" + _END

_EXTENSIONS = {
    "a name": b"5;a",
    "a name and a value": b"5;a=b",
    "a value in quotes": b'5;a="b"',
    "a semicolon in quotes": b'5;a="b;c"',
    "an escaped quote": b'5;a="b\\"c"',
    "an empty quoted value": b'5;a=""',
    "several": b"5;a=b;c;d=e",
    "a blank before the semicolon": b"5 ;a=b",
    "a tab before the semicolon": b"5\t;a=b",
    "blanks around the semicolon": b"5 ; a=b",
    "blanks around the equals sign": b"5;a = b",
    "every character of a token": b"5;!#$%&'*+-.^_`|~09azAZ=b",
    "text that looks like a size": b"5;6=7",
}
_WRONG_SIZES = {
    "none": b"",
    "only an extension": b";a=b",
    "a minus": b"-5",
    "a plus": b"+5",
    "a prefix": b"0x5",
    "a letter that is no digit": b"g",
    "a digit and a letter that is none": b"5g",
    "a blank before it": b" 5",
    "a tab before it": b"\t5",
    "a vertical tab before it": b"\x0b5",
    "a comma": b"5,",
    "two numbers": b"5 5",
    "a fraction": b"5.0",
    "an underscore": b"0_5",
    "in quotes": b'"5"',
    "a NUL behind it": b"5\x00",
    "a NUL before it": b"\x005",
    "a full-width digit": "\uff15".encode(),
    "a byte over 127": b"\xb5",
}
_OVERFLOWS = {
    "17 digits": b"10000000000000005",
    "17 digits with zeros in between": b"100000000000000005",
    "40 digits": b"f" * 40,
}
_HUGE = {
    "16 times f": b"ffffffffffffffff",
    "2^63": b"8000000000000000",
    "2^63 - 1": b"7fffffffffffffff",
    "2^32 + 5": b"100000005",
    "-5 in 64 bits": b"fffffffffffffffb",
    "one more than a body may have": b"%x" % (MAX_BODY_BYTES + 1),
}
_TOO_MUCH = b"x" * (MAX_BODY_BYTES + 1)
_WRONG_EXTENSIONS = {
    "a NUL": b"5;a\x00",
    "a bare CR": b"5;a\rb",
    "a bare LF": b"5;a\nb",
    "a bare CR in quotes": b'5;a="\r"',
    "a bare LF in quotes": b'5;a="\n"',
}
_WRONG_ENDS = {
    "a bare LF behind the size": b"5\nhello\r\n" + _END,
    "a bare CR behind the size": b"5\rhello\r\n" + _END,
    "CR CR LF behind the size": b"5\r\r\nhello\r\n" + _END,
    "a bare LF behind the data": b"5\r\nhello\n" + _END,
    "a bare CR behind the data": b"5\r\nhello\r" + _END,
    "nothing behind the data": b"5\r\nhello" + _END,
    "two bytes that are no line end behind the data": b"5\r\nhelloXX" + _END,
    "more data than the size": b"5\r\nhello!\r\n" + _END,
    "less data than the size": b"6\r\nhello\r\n" + _END,
    "a bare LF behind the last size": b"5\r\nhello\r\n0\n\r\n",
    "a bare LF as the last line": b"5\r\nhello\r\n0\r\n\n",
    "a bare CR as the last line": b"5\r\nhello\r\n0\r\n\rX",
    "an empty line before a size": b"\r\n5\r\nhello\r\n" + _END,
    "an extension ended by a bare LF": b"5;a\nhello\r\n" + _END,
}


def _chunks(data: bytes, size: int) -> bytes:
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + _END


_LONG = bytes(range(256)) * 300
CASES: tuple[Case, ...] = (
    case("one chunk", "9112 §7.1", CHUNKED + b"5" + _HELLO, echoes(b"hello")),
    case("no chunk but the last", "9112 §7.1", CHUNKED + _END, echoes(b"")),
    case("three chunks", "9112 §7.1", CHUNKED + _chunks(b"hello world!", 4), echoes(b"hello world!")),
    case("chunks of one byte", "9112 §7.1", CHUNKED + _chunks(b"hello" * 20, 1), echoes(b"hello" * 20)),
    case("sizes in small letters", "9112 §7.1", CHUNKED + b"a\r\n0123456789\r\n" + _END, echoes(b"0123456789")),
    case("sizes in capitals", "9112 §7.1", CHUNKED + b"A\r\n0123456789\r\n" + _END, echoes(b"0123456789")),
    case("76,800 bytes in chunks", "9112 §7.1", CHUNKED + _chunks(_LONG, 5_000), echoes(_LONG)),
    case("76,800 bytes in one chunk", "9112 §7.1", CHUNKED + _chunks(_LONG, 80_000), echoes(_LONG)),
    case("data that looks like the last chunk", "9112 §7.1", CHUNKED + _chunks(_END, 9), echoes(_END)),
    case("data that looks like chunks", "9112 §7.1", CHUNKED + _chunks(b"5" + _HELLO, 99), echoes(b"5" + _HELLO)),
    case("data of line ends", "9112 §7.1", CHUNKED + _chunks(b"\r\n" * 4, 3), echoes(b"\r\n" * 4)),
    case("a zero before the size", "9112 §7.1", CHUNKED + b"05" + _HELLO, echoes(b"hello")),
    case("fifteen zeros before the size", "9112 §7.1", CHUNKED + b"0" * 15 + b"5" + _HELLO, echoes(b"hello")),
    case("forty zeros before the size", "9112 §7.1", CHUNKED + b"0" * 40 + b"5" + _HELLO, echoes(b"hello"), BAD),
    case("several zeros as the last chunk", "9112 §7.1", CHUNKED + b"5\r\nhello\r\n0000\r\n\r\n", echoes(b"hello")),
    case("an extension of the last chunk", "9112 §7.1.1", CHUNKED + b"5\r\nhello\r\n0;a=b\r\n\r\n", echoes(b"hello")),
    case("a blank before the last extension", "9112 §7.1.1", CHUNKED + b"5\r\nhello\r\n0 ;a\r\n\r\n", echoes(b"hello")),
    *(
        case(f"extension: {name}", "9112 §7.1.1", CHUNKED + line + _HELLO, echoes(b"hello"))
        for name, line in _EXTENSIONS.items()
    ),
    case("a blank behind the size", "9112 §7.1", CHUNKED + b"5 " + _HELLO, echoes(b"hello"), BAD),
    case("a semicolon and nothing behind it", "9112 §7.1.1", CHUNKED + b"5;" + _HELLO, echoes(b"hello"), BAD),
    case("a quote that does not end", "9112 §7.1.1", CHUNKED + b'5;a="b' + _HELLO, echoes(b"hello"), BAD),
    case(
        "an extension larger than a head may be",
        "9112 §7.1.1",
        CHUNKED + b"5;" + b"a" * (2 * MAX_HEAD_BYTES) + _HELLO,
        refused(400, 413, 431),
    ),
    case(
        "extensions that together are larger than a head may be",
        "9112 §7.1.1",
        CHUNKED + (b"1;" + b"a" * 500 + b"\r\nx\r\n") * 200 + _END,
        refused(400, 413, 431),
    ),
    *(case(f"size: {name}", "9112 §7.1", CHUNKED + size + _HELLO, BAD) for name, size in _WRONG_SIZES.items()),
    *(
        case(f"size of {name}", "9112 §7.1", CHUNKED + size + _HELLO, refused(400, 413))
        for name, size in _OVERFLOWS.items()
    ),
    *(
        case(f"extension with {name}", "9112 §7.1.1", CHUNKED + line + _HELLO, BAD)
        for name, line in _WRONG_EXTENSIONS.items()
    ),
    *(case(name, "9112 §7.1, §2.2", CHUNKED + body, BAD) for name, body in _WRONG_ENDS.items()),
    *(
        case(
            f"size of {name}",
            "9112 §7.1; 9110 §15.5.14",
            CHUNKED + size + b"\r\n" + _TOO_MUCH,
            refused(400, 413),
            ways=_WHOLE,
        )
        for name, size in _HUGE.items()
    ),
    case(
        "chunks that together are larger than a body may be",
        "9110 §15.5.14",
        CHUNKED + _chunks(b"x" * (MAX_BODY_BYTES + 1), 30_000),
        refused(413),
    ),
    case(
        "the largest body in chunks",
        "9112 §7.1",
        CHUNKED + _chunks(b"y" * MAX_BODY_BYTES, 40_000),
        echoes(b"y" * MAX_BODY_BYTES),
    ),
    case(
        "rubbish behind the last chunk",
        "9112 §7.1",
        CHUNKED + b"5" + _HELLO + b"\x01",
        refused(400, after=(echo(b"hello"),)),
    ),
    case("no chunk, and the client has gone", "9112 §8", CHUNKED, BAD, SILENT_END, half_close=True),
)
