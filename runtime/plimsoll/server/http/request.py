"""One HTTP request: what its head says, and its body as it comes."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from plimsoll.contracts.azureml.routes import SCORE
from plimsoll.errors import ExpectationFailed, MalformedRequest, NotImplementedByServer
from plimsoll.server.http.head import Fields
from plimsoll.workers.shared.buffers import Lease

# RFC 3986 §3.2.2 and §3.2.3, less strict in what a name may consist of; no user information (RFC 9110 §4.2.4).
_HOST = re.compile(
    rb"(?:\[[0-9A-Fa-f:.%v~!$&'()*+,;=_-]+\]|(?:[0-9A-Za-z._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
_CODINGS = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z\t ;=,\"-]+")
_LONGEST_HOST = 300
"""255 for a name in the DNS (RFC 1035 §2.3.4), and a port."""
_ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?#]*)([^#]*)")
_MOST_ASKED = SCORE.encode()
_ONCE = frozenset({b"host", b"content-type", b"content-length", b"transfer-encoding", b"authorization", b"expect"})
"""Fields that hold one value: a second line of them could be taken for the first by somebody else (RFC 9110 §5.3)."""


class Request:
    """`fields`: the last value of each field, in lower case; `headers`: all of them as they came.

    `body` is whole once `complete`; `content_length` is None where the body is chunked. `unwanted`: nobody will look at
    the body, so it is thrown away as it comes.
    """

    __slots__ = (
        "body",
        "chunked",
        "complete",
        "content_length",
        "expects_continue",
        "fields",
        "headers",
        "is_http_1_0",
        "keep_alive",
        "method",
        "path",
        "query",
        "received_bytes",
        "target",
        "unwanted",
    )

    def __init__(self, method: str, url: bytes, headers: Fields, *, is_http_1_0: bool, keep_alive: bool) -> None:
        """Raises MalformedRequest, NotImplementedByServer or ExpectationFailed for what must not be served."""
        self.method = method
        self.headers = headers
        self.fields = fields = dict(headers)
        self.is_http_1_0 = is_http_1_0
        self.keep_alive = keep_alive
        self.body: bytes | Lease = b""
        self.received_bytes = 0
        self.complete = False
        self.unwanted = False
        if len(fields) != len(headers):
            _refuse_repeated(headers)
        host = fields.get(b"host")
        if host is None:
            if not is_http_1_0:
                raise MalformedRequest("The request has no Host header.")
        elif not _is_host(host):
            raise MalformedRequest("The Host header is not a host name with an optional port.")
        self.target, self.path, self.query = _split(url)
        self.chunked = b"transfer-encoding" in fields
        self.content_length: int | None = None if self.chunked else int(fields.get(b"content-length", b"0"))
        if self.chunked:
            self._check_coding()
        self.expects_continue = b"expect" in fields and self._expects_continue()

    def discard(self) -> None:
        """Releases the body's memory: no script will read it."""
        body, self.body = self.body, b""
        if isinstance(body, Lease):
            body.release()

    @property
    def remaining_bytes(self) -> float:
        """Of the body, at most; without end where it is chunked."""
        if self.complete:
            return 0
        return float("inf") if self.content_length is None else self.content_length - self.received_bytes

    def _check_coding(self) -> None:
        coding = self.fields[b"transfer-encoding"].lower()
        if not _CODINGS.fullmatch(coding):
            raise MalformedRequest("The Transfer-Encoding header is malformed.")
        if coding != b"chunked":
            raise NotImplementedByServer("The only transfer coding that is supported is chunked.")
        if self.is_http_1_0:
            self.keep_alive = False  # RFC 9112 §6.1: its framing is not to be trusted

    def _expects_continue(self) -> bool:
        if self.is_http_1_0:
            return False  # RFC 9110 §10.1.1: to be ignored
        if self.fields[b"expect"].lower() != b"100-continue":
            raise ExpectationFailed("The only expectation that is supported is 100-continue.")
        return True


def _refuse_repeated(headers: Fields) -> None:
    seen: set[bytes] = set()
    for name, _ in headers:
        if name in _ONCE and name in seen:
            raise MalformedRequest(f"The header {name.decode('latin-1')} is there more than once.")
        seen.add(name)


def _is_host(value: bytes) -> bool:
    return len(value) <= _LONGEST_HOST and _is_short_host(value)


@lru_cache(maxsize=64)
def _is_short_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def _split(url: bytes) -> tuple[bytes, str, bytes]:
    """The target in origin form, its path without %-escapes, and its query (RFC 9112 §3.2)."""
    if url == _MOST_ASKED:
        return url, SCORE, b""
    if not url.startswith(b"/"):
        url = _origin_form(url)
    if b"#" in url:
        raise MalformedRequest("The request target has a fragment.")
    path, _, query = url.partition(b"?")
    text = path.decode("latin-1")
    text = unquote(text) if "%" in text else text
    return url, text, query


def _origin_form(url: bytes) -> bytes:
    if url == b"*":
        return url
    found = _ABSOLUTE.fullmatch(url)
    if found is None or not found[1] or not _is_host(found[1]):
        raise MalformedRequest("The request target is neither a path nor an absolute URL.")
    rest = found[2]
    return rest if rest.startswith(b"/") else b"/" + rest


NO_REQUEST = Request("", b"/", [(b"host", b"")], is_http_1_0=False, keep_alive=False)
"""In place of one that could not be understood."""
