"""Host: exactly one, and a valid one, in HTTP/1.1 (RFC 9112 §3.2, RFC 9110 §7.2)."""

from __future__ import annotations

from corpus.case import BAD, Case, answers, case, echo, echoes, posted, refused, status

_SECTION = "9112 §3.2"
_VALID = {
    "a name": b"example.org",
    "a name and a port": b"example.org:5001",
    "an address": b"127.0.0.1",
    "an address and a port": b"127.0.0.1:5001",
    "an IPv6 address": b"[::1]",
    "an IPv6 address and a port": b"[2001:db8::1]:5001",
    "an empty port": b"example.org:",
    "an underscore": b"my_service",
    "a percent-encoded letter": b"%65xample.org",
    "a name of the cluster": b"model.ns.svc.cluster.local:80",
    "every mark of a name": b"a-._~!$&'()*+,;=",
    "blanks around it": b" \t example.org \t ",
    "a long name": b"a" * 250,
}
_INVALID = {
    "a space in it": b"exa mple.org",
    "a slash": b"example.org/score",
    "a user": b"me@example.org",
    "a port that is none": b"example.org:http",
    "two ports": b"example.org:80:81",
    "a negative port": b"example.org:-1",
    "an IPv6 address without brackets": b"::1",
    "a bracket that does not close": b"[::1",
    "a bracket that does not open": b"::1]",
    "something behind the bracket": b"[::1]x",
    "nothing in the brackets": b"[]",
    "a query": b"example.org?x",
    "a fragment": b"example.org#x",
    "a URI": b"http://example.org",
    "a byte over 127": b"ex\xe4mple.org",
    "a NUL": b"example\x00.org",
    "a control character": b"example\x01.org",
    "quotes": b'"example.org"',
    "a backslash": b"example\\org",
    "angle brackets": b"<script>",
    "a percent sign alone": b"example%.org",
    "a list": b"a.example, b.example",
}


def _get(*lines: bytes, version: bytes = b"1.1", target: bytes = b"/score") -> bytes:
    return b"\r\n".join([b"GET " + target + b" HTTP/" + version, *lines]) + b"\r\n\r\n"


_FOUND = answers(echo(method=b"GET"))
CASES: tuple[Case, ...] = (
    *(case(f"valid: {name}", "9110 §7.2", _get(b"Host: " + value), _FOUND) for name, value in _VALID.items()),
    *(case(f"invalid: {name}", _SECTION, _get(b"Host: " + value), BAD) for name, value in _INVALID.items()),
    case("empty", "9110 §7.2, §4.2.1", _get(b"Host:"), BAD, _FOUND),
    case("none", _SECTION, _get(), BAD),
    case("none, with other fields", _SECTION, _get(b"Accept: */*", b"X-Host: x"), BAD),
    case("none, on a probe", _SECTION, _get(target=b"/health/live"), BAD),
    case("none, on a path that is not there", _SECTION, _get(target=b"/nowhere"), BAD),
    case("none, with a body", _SECTION, b"POST /score HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", BAD),
    case("two that are the same", _SECTION, _get(b"Host: x", b"Host: x"), BAD),
    case("two that differ", _SECTION, _get(b"Host: x", b"Host: y"), BAD),
    case("two far apart", _SECTION, _get(b"Host: x", *[b"X-Between: y"] * 20, b"host: y"), BAD),
    case("two, one of them empty", _SECTION, _get(b"Host: x", b"Host:"), BAD),
    case("two, on a probe", _SECTION, _get(b"Host: x", b"Host: y", target=b"/health/live"), BAD),
    case("two in HTTP/1.0", _SECTION, _get(b"Host: x", b"Host: y", version=b"1.0"), BAD),
    case("an invalid one in HTTP/1.0", _SECTION, _get(b"Host: a b", version=b"1.0"), BAD),
    case("none in HTTP/1.0", _SECTION, _get(version=b"1.0"), _FOUND.then_ends()),
    case("one in HTTP/1.0", _SECTION, _get(b"Host: x", version=b"1.0"), _FOUND.then_ends()),
    case("in small letters", "9110 §5.1", _get(b"host: x"), _FOUND),
    case("in capitals", "9110 §5.1", _get(b"HOST: x"), _FOUND),
    case("as the last field", "9110 §5.3", _get(b"Accept: */*", b"X-A: b", b"Host: x"), _FOUND),
    case("a blank before the colon", "9112 §5.1", _get(b"Host : x"), BAD),
    case("a folded line", "9112 §5.2", _get(b"Host:", b" x"), BAD),
    case("none in the second request", _SECTION, posted(b"hi") + _get(), refused(400, after=(echo(b"hi"),))),
    case(
        "another one in the second request",
        _SECTION,
        posted(b"hi") + _get(b"Host: other.example"),
        answers(echo(b"hi"), echo(method=b"GET")),
    ),
    case("two, and a body that must not run", _SECTION, posted(b"hello", b"Host: y"), BAD),
    case("the name of another server", _SECTION, _get(b"Host: evil.example"), _FOUND, answers(status(421))),
    case("on a POST", _SECTION, posted(b"hello"), echoes(b"hello")),
)
