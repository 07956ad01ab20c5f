"""Transfer-Encoding beside Content-Length, and every disguise of it that has torn servers and proxies apart."""

from __future__ import annotations

from corpus.case import BAD, CHUNKED, POST, Case, answers, case, echo, echoes, refused, status

_BODY = b"5\r\nhello\r\n0\r\n\r\n"
_HIDDEN = b"GET /health/live?evil HTTP/1.1\r\nHost: x\r\n\r\n"
_HIDDEN_CHUNK = b"%x\r\n%b\r\n0\r\n\r\n" % (len(_HIDDEN), _HIDDEN)
_HIDDEN_BODY = b"Content-Length: %d\r\n\r\n%b" % (len(_HIDDEN), _HIDDEN)
UNKNOWN = refused(400, 501)
"""RFC 9112 §6.1: 501 for a coding that is not understood; §6.3(4): 400 where chunked is not the last."""

_CODINGS = {
    "identity": b"identity",
    "gzip": b"gzip",
    "gzip before chunked": b"gzip, chunked",
    "chunked before gzip": b"chunked, gzip",
    "chunked before identity": b"chunked, identity",
    "identity before chunked": b"identity, chunked",
    "chunked twice": b"chunked, chunked",
    "a word that ends in chunked": b"xchunked",
    "a word that begins with chunked": b"chunkedx",
    "chunked with a hyphen": b"x-chunked",
    "half of chunked": b"chunk",
    "chunked in quotes": b'"chunked"',
    "chunked in single quotes": b"'chunked'",
    "chunked with a parameter": b"chunked;q=1",
    "chunked with a semicolon": b"chunked;",
    "chunked in brackets": b"[chunked]",
    "two words": b"chunked chunked",
    "a coding before chunked without a comma": b"cow chunked",
    "empty": b"",
    "a comma": b",",
    "chunked with a letter that looks like k": "chunĸed".encode(),
}
_DISGUISES = {
    "a blank before the colon": b"Transfer-Encoding : chunked",
    "a tab before the colon": b"Transfer-Encoding\t: chunked",
    "a vertical tab before the value": b"Transfer-Encoding:\x0bchunked",
    "a form feed before the value": b"Transfer-Encoding:\x0cchunked",
    "a NUL before the value": b"Transfer-Encoding: \x00chunked",
    "a NUL behind the value": b"Transfer-Encoding: chunked\x00",
    "a NUL in the name": b"Transfer-\x00Encoding: chunked",
    "a vertical tab behind the value": b"Transfer-Encoding: chunked\x0b",
    "a no-break space before the value": b"Transfer-Encoding:\xa0chunked",
    "a folded line": b"Transfer-Encoding:\r\n chunked",
    "a line folded by a tab": b"Transfer-Encoding:\r\n\tchunked",
    "a fold that hides it": b"X: y\r\n Transfer-Encoding: chunked",
    "a bare CR before it": b"X: y\rTransfer-Encoding: chunked",
    "a bare CR behind it": b"Transfer-Encoding: chunked\rX: y",
    "a bare CR as its line end": b"X: y\r\nTransfer-Encoding: chunked\r",
    "a blank before the name": b"X: y\r\n\x20Transfer-Encoding: chunked",
    "a NUL before the name": b"\x00Transfer-Encoding: chunked",
    "no colon": b"Transfer-Encoding chunked",
    "a quote before the name": b'"Transfer-Encoding: chunked',
}


def _coded(field: bytes, body: bytes = _BODY) -> bytes:
    return POST + field + b"\r\n\r\n" + body


def _both(*fields: bytes, body: bytes = _BODY) -> bytes:
    return POST + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


_TE = b"Transfer-Encoding: chunked"
CASES: tuple[Case, ...] = (
    case("length before coding", "9112 §6.1", _both(b"Content-Length: 15", _TE), BAD),
    case("coding before length", "9112 §6.1", _both(_TE, b"Content-Length: 15"), BAD),
    case("a length that covers part of the chunks", "9112 §6.1", _both(b"Content-Length: 4", _TE), BAD),
    case("a length of zero beside the coding", "9112 §6.1", _both(b"Content-Length: 0", _TE), BAD),
    case(
        "a request behind the last chunk, covered by the length",
        "9112 §6.1",
        _both(b"Content-Length: %d" % (5 + len(_HIDDEN)), _TE, body=b"0\r\n\r\n" + _HIDDEN),
        BAD,
    ),
    case(
        "a request in the chunk, not covered by the length",
        "9112 §6.1",
        _both(b"Content-Length: 4", _TE, body=_HIDDEN_CHUNK),
        BAD,
    ),
    case(
        "the length named in Connection",
        "9112 §6.1",
        _both(b"Connection: keep-alive, Content-Length", b"Content-Length: 15", _TE),
        BAD,
    ),
    case(
        "the coding named in Connection",
        "9112 §6.1",
        _both(b"Connection: Transfer-Encoding", b"Content-Length: 15", _TE),
        BAD,
    ),
    case("a length that is none beside the coding", "9112 §6.1", _both(b"Content-Length: x", _TE), BAD),
    case("both, far apart", "9112 §6.1", _both(b"Content-Length: 15", *[b"X-Between: y"] * 20, _TE), BAD),
    case("both, and the client closes", "9112 §6.1", _both(b"Content-Length: 15", _TE, b"Connection: close"), BAD),
    case("an unknown coding and a length", "9112 §6.1", _both(b"Content-Length: 15", b"Transfer-Encoding: x"), UNKNOWN),
    *(
        case(f"coding: {name}", "9112 §6.1, §6.3(4)", _coded(b"Transfer-Encoding: " + value), UNKNOWN)
        for name, value in _CODINGS.items()
    ),
    *(
        case(f"coding behind {name}", "9112 §5.1, §5.2; 9110 §5.5", _coded(field), BAD)
        for name, field in _DISGUISES.items()
    ),
    case(
        "an empty element before chunked",
        "9110 §5.6.1",
        _coded(b"Transfer-Encoding: , chunked"),
        echoes(b"hello"),
        UNKNOWN,
    ),
    case(
        "an empty element behind chunked",
        "9110 §5.6.1",
        _coded(b"Transfer-Encoding: chunked,"),
        echoes(b"hello"),
        UNKNOWN,
    ),
    case("chunked in capitals", "9112 §7", _coded(b"TRANSFER-ENCODING: CHUNKED"), echoes(b"hello")),
    case("a tab before chunked", "9112 §5.1", _coded(b"Transfer-Encoding:\tchunked"), echoes(b"hello")),
    case("blanks behind chunked", "9112 §5.1", _coded(b"Transfer-Encoding: chunked \t "), echoes(b"hello")),
    case("two fields, identity last", "9112 §6.3(4)", _both(_TE, b"Transfer-Encoding: identity"), UNKNOWN),
    case("two fields, identity first", "9112 §6.1", _both(b"Transfer-Encoding: identity", _TE), UNKNOWN),
    case("two fields, gzip first", "9112 §6.1", _both(b"Transfer-Encoding: gzip", _TE), UNKNOWN),
    case("two fields, both chunked", "9112 §6.1", _both(_TE, _TE), UNKNOWN),
    case("two fields, an empty one last", "9110 §5.6.1", _both(_TE, b"Transfer-Encoding:"), UNKNOWN, echoes(b"hello")),
    case(
        "an underscore makes another field",
        "9110 §5.1",
        _both(_TE, b"Transfer_Encoding: identity"),
        echoes(b"hello"),
    ),
    case(
        "a coding of another name is none",
        "9110 §5.1",
        POST + b"X-Transfer-Encoding: chunked\r\nContent-Length: 15\r\n\r\n" + _BODY,
        echoes(_BODY),
    ),
    case(
        "a coding in HTTP/1.0",
        "9112 §6.1",
        b"POST /score HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n" + _BODY,
        BAD,
        echoes(b"hello").then_ends(),
    ),
    case(
        "a coding in HTTP/1.0 that would stay",
        "9112 §6.1",
        b"POST /score HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + _BODY,
        BAD,
        echoes(b"hello").then_ends(),
    ),
    case(
        "a coding and a length in HTTP/1.0",
        "9112 §6.1",
        b"POST /score HTTP/1.0\r\nContent-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n" + _BODY,
        BAD,
    ),
    case(
        "TE is not Transfer-Encoding",
        "9110 §10.1.4",
        _both(b"TE: chunked", b"Content-Length: 2", body=b"hi"),
        echoes(b"hi"),
    ),
    case(
        "a body that a probe does not want",
        "9112 §6.3, §9.3",
        b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + _HIDDEN_BODY,
        answers(status(200)),
    ),
    case(
        "chunks that a probe does not want",
        "9112 §6.3, §9.3",
        b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + _TE + b"\r\n\r\n" + _HIDDEN_CHUNK,
        answers(status(200)),
    ),
    case(
        "a request hidden behind a refused one",
        "9112 §6.3",
        b"POST / HTTP/1.1\r\nHost: x\r\n" + _HIDDEN_BODY,
        answers(status(405)),
    ),
    case(
        "a request behind the last chunk is one",
        "9112 §6.3",
        CHUNKED + b"0\r\n\r\n" + b"GET /score HTTP/1.1\r\nHost: x\r\n\r\n",
        answers(echo(), echo(method=b"GET")),
    ),
)
