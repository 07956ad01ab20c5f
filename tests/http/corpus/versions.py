"""Versions: HTTP/1.0 and HTTP/1.1 are spoken; request lines that are none (RFC 9112 §2.3 and §3)."""

from __future__ import annotations

from corpus.case import BAD, HEADLESS, SILENT_END, Case, answers, case, echo, echoes, refused, status

_SECTION = "9112 §2.3; 9110 §15.6.6"
_OTHER = (b"HTTP/2.0", b"HTTP/3.0", b"HTTP/9.9", b"HTTP/1.2", b"HTTP/1.9")
_NONE = {
    "small letters": b"http/1.1",
    "mixed letters": b"Http/1.1",
    "no minor version": b"HTTP/1",
    "no minor digit": b"HTTP/1.",
    "no major digit": b"HTTP/.1",
    "two major digits": b"HTTP/11.1",
    "two minor digits": b"HTTP/1.10",
    "a third number": b"HTTP/1.1.1",
    "a letter behind it": b"HTTP/1.1x",
    "a minus": b"HTTP/-1.1",
    "a blank in it": b"HTTP/ 1.1",
    "another name": b"HTTQ/1.1",
    "part of the name": b"HTT/1.1",
    "another protocol": b"ICY/1.1",
    "a comma": b"HTTP/1,1",
    "a letter as digit": b"HTTP/1.l",
    "a byte over 127": b"HTTP/1.\xb9",
    "a NUL behind it": b"HTTP/1.1\x00",
    "a word behind it": b"HTTP/1.1 x",
    "another version behind it": b"HTTP/1.1 HTTP/1.1",
}


def _get(version: bytes) -> bytes:
    return b"GET /score " + version + b"\r\nHost: x\r\n\r\n"


def _old(*lines: bytes, body: bytes = b"", method: bytes = b"GET") -> bytes:
    return b"\r\n".join([method + b" /score HTTP/1.0", *lines]) + b"\r\n\r\n" + body


_KEEP = b"Connection: keep-alive"
_LOST = b"GET /score?evil HTTP/1.0\r\n\r\n"
CASES: tuple[Case, ...] = (
    case("HTTP/1.1 stays", "9112 §9.3", _get(b"HTTP/1.1"), answers(echo(method=b"GET"))),
    case("HTTP/1.0 ends", "9112 §9.3", _old(), echoes(b"").then_ends()),
    case("HTTP/1.0 may stay when asked", "9112 §9.3", _old(_KEEP), echoes(b""), echoes(b"").then_ends()),
    case("HTTP/1.0 ends when asked", "9112 §9.3", _old(b"Connection: close"), echoes(b"").then_ends()),
    case(
        "HTTP/1.0 with a body",
        "9112 §6.3",
        _old(b"Content-Length: 5", body=b"hello", method=b"POST"),
        echoes(b"hello").then_ends(),
    ),
    case(
        "HTTP/1.0 with a body, may stay",
        "9112 §6.3",
        _old(_KEEP, b"Content-Length: 5", body=b"hello", method=b"POST"),
        echoes(b"hello"),
        echoes(b"hello").then_ends(),
    ),
    case("HTTP/1.0, HEAD", "9110 §9.3.2", _old(method=b"HEAD"), answers(HEADLESS).then_ends()),
    case("HTTP/1.0 and then a second request", "9112 §9.3", _old() + _LOST, echoes(b"").then_ends()),
    case("HTTP/1.0 twice", "9112 §9.3", _old(_KEEP) + _old(_KEEP), echoes(b"", b""), echoes(b"").then_ends()),
    case("HTTP/1.0, refused", "9112 §9.3", _old(method=b"PUT"), answers(status(405)).then_ends()),
    case("HTTP/1.0, a streamed answer", "9112 §6.1", _old(b"X-Want: stream"), echoes(b"one two three").then_ends()),
    case(
        "HTTP/1.0 that may stay, a streamed answer",
        "9112 §6.1",
        _old(_KEEP, b"X-Want: stream"),
        echoes(b"one two three").then_ends(),
        echoes(b"one two three"),
    ),
    *(case(version.decode(), _SECTION, _get(version), refused(505)) for version in _OTHER),
    *(case(f"none: {name}", "9112 §2.3, §3", _get(version), BAD) for name, version in _NONE.items()),
    case("HTTP/2.0 without Host", _SECTION, b"GET /score HTTP/2.0\r\n\r\n", refused(400, 505)),
    case(
        "HTTP/2.0 with a body",
        _SECTION,
        b"POST /score HTTP/2.0\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        refused(505),
    ),
    case("HTTP/0.9", _SECTION, _get(b"HTTP/0.9"), refused(400, 505)),
    case("no version at all", "9112 §3", b"GET /score\r\nHost: x\r\n\r\n", BAD),
    case("a request of HTTP/0.9", "9112 §3", b"GET /score\r\n\r\n", BAD),
    case("no version, a blank", "9112 §3", b"GET /score \r\nHost: x\r\n\r\n", BAD),
    case("a method alone", "9112 §3", b"GET\r\n\r\n", BAD, refused(501)),
    case("two blanks behind the method", "9112 §3", b"GET  /score HTTP/1.1\r\nHost: x\r\n\r\n", BAD, echoes(b"")),
    case("two blanks before the version", "9112 §3", b"GET /score  HTTP/1.1\r\nHost: x\r\n\r\n", BAD, echoes(b"")),
    case("a tab behind the method", "9112 §3", b"GET\t/score HTTP/1.1\r\nHost: x\r\n\r\n", BAD, echoes(b"")),
    case("a tab before the version", "9112 §3", b"GET /score\tHTTP/1.1\r\nHost: x\r\n\r\n", BAD, echoes(b"")),
    case("a blank behind the version", "9112 §3", b"GET /score HTTP/1.1 \r\nHost: x\r\n\r\n", BAD, echoes(b"")),
    case("a TLS greeting", "9112 §3", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100), BAD),
    case("an SSH greeting", "9112 §3", b"SSH-2.0-OpenSSH_9.2\r\n", refused(400, 501)),
    case("an SMTP greeting", "9112 §3", b"EHLO localhost\r\n\r\n", refused(400, 501)),
    case(
        "an answer instead of a request", "9112 §3", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", refused(400, 501)
    ),
    case("zeros", "9112 §3", bytes(64), BAD),
    case("bytes over 127", "9112 §3", b"\xff" * 64, BAD),
    case("nothing, and the client has gone", "9112 §9.6", b"", SILENT_END, half_close=True),
)
