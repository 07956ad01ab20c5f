"""One collected record: a CloudEvent (version 1.0, JSON format) on a line of its own, with Azure ML's attributes.

Made by the front for every request and answer, and by a worker for what run() gives: so it is put together from bytes,
and a body that is JSON is embedded as it came. `data` stands last, for a reader that wants those bytes back.
msgspec tells what is JSON without making objects of it: 0.5 µs for the 64 numbers of a picture, pydantic-core 2.5.
"""

from __future__ import annotations

import re
import time
from binascii import b2a_base64
from itertools import count
from json.encoder import encode_basestring_ascii
from zlib import crc32

import msgspec
from pydantic_core import from_json

from plimsoll.version import __version__

JSON_TYPE = "application/json"
LARGEST_EMBEDDED_BYTES = 64 * 1024
"""A larger body is not looked at: that would keep everything else waiting."""
COLLECTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
"""The name of a collection becomes that of a folder."""
_JSON_SUFFIX = re.compile(r"application/(?:[\w.+-]+\+)?json")
_DEEPEST = 201
"""How deep pydantic-core follows. What has more brackets may be nested deeper than a reader of the file can follow."""
_DIGITS = 2000
"""4,300 in a row fill at least one stretch of so many, wherever they begin."""
_skip = msgspec.json.Decoder(msgspec.Raw).decode
Data = tuple[bytes, bytes, bytes]
"""The members that hold a body: what stands before it, the body as it is written, what stands after it."""
NO_DATA: Data = (b"", b"", b"")


class Events:
    """Lines of one collection from one process; `source` says what was called, and `instance` makes every id unique."""

    def __init__(self, collection: str, source: str, instance: str) -> None:
        attributes = {
            "specversion": "1.0",
            "source": source,
            "type": f"azureml.inference.{collection}",
            "agent": f"plimsoll/{__version__}",
            "modelversion": "default",
        }
        members = b",".join(b"%b:%b" % (quoted(name), quoted(value)) for name, value in attributes.items())
        self._begin = b'{%b,"id":"%b-' % (members, instance.encode())
        self._numbers = count(1)
        self._second = -1
        self._text = b""

    def line(self, at_s: float, ids: bytes, more: bytes, data: Data) -> bytes:
        """`at_s` seconds since 1970; `ids` of `ids_of`; `more` are members, each with a comma first."""
        second = int(at_s)
        text = self._text if second == self._second else self._turn(second)
        before, body, after = data
        stamp = b'%x","time":"%b.%06d' % (next(self._numbers), text, (at_s - second) * 1e6)
        return b"".join((self._begin, stamp, ids, more, before, body, after, b"}\n"))

    def _turn(self, second: int) -> bytes:
        """RFC 3339, up to the second: made anew when that changes. Threads may come here at the same time."""
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        self._second, self._text = -1, text
        self._second = second
        return text


def ids_of(request_id: bytes, correlation_id: bytes) -> bytes:
    """Both are quoted. It begins with the end of the time, which stands before."""
    return b'Z","correlationid":%b,"xrequestid":%b' % (correlation_id, request_id)


def quoted(text: str) -> bytes:
    """As a JSON string."""
    return encode_basestring_ascii(text).encode("ascii")


def is_sampled(request_id: str, rate: float) -> bool:
    """Whether the records of a request are kept: of all collections or of none, in the front and in its workers."""
    return rate >= 1.0 or crc32(request_id.encode("utf-8", "surrogatepass")) < rate * 2**32


def are_plain(bodies: list[bytes]) -> bool:
    """Whether all are ASCII, each on one line and none odd: asked of many at once, it costs next to nothing."""
    together = b"".join(bodies)
    if not together.isascii() or not _is_one_line(together):
        return False
    return not any(_is_odd(body) for body in bodies if len(body) > 2 * _DEEPEST)  # brackets count for each by itself


def small_data(body: bytes, content_type: str, is_plain: bool = False) -> Data:
    """Of a body of LARGEST_EMBEDDED_BYTES at most; `content_type` may be empty, `is_plain` as `are_plain` says."""
    as_json, as_text = _families.get(content_type) or _family(content_type)
    if as_json:
        try:
            if is_plain:
                _skip(body)
                return as_json, body, b""
            return as_json, _on_one_line(body), b""
        except ValueError:  # one body that is no JSON would make the file unreadable
            pass
    if not body:
        return typed(content_type) if content_type else b"", b"", b""
    if as_text and (text := _text(body)) is not None:
        return as_text, quoted(text), b""
    return base64_begin(content_type), b2a_base64(body, newline=False), b'"'


def base64_begin(content_type: str) -> bytes:
    """What stands before the base64 of a body (CloudEvents: the member for binary data)."""
    return b'%b,"data_base64":"' % typed(content_type or "application/octet-stream")


def typed(content_type: str) -> bytes:
    return b',"datacontenttype":%b' % quoted(content_type)


def is_json(content_type: str) -> bool:
    """Whether a body of this type is embedded as JSON, where it is any."""
    kind = _kind(content_type)
    return not kind or _JSON_SUFFIX.fullmatch(kind) is not None


def _kind(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


_families: dict[str, tuple[bytes, bytes]] = {}
_MOST_FAMILIES = 64


def _family(content_type: str) -> tuple[bytes, bytes]:
    """What stands before JSON, as which a body counts where nothing says what it is, and before text.

    Empty for what is no such type. Clients choose content types, so that only so many are kept.
    """
    kind = _kind(content_type)
    is_text = kind.startswith("text/") or kind in ("application/x-www-form-urlencoded", "application/xml")
    begin = b'%b,"data":' % typed(content_type or JSON_TYPE)
    found = (begin if is_json(content_type) else b"", begin if is_text else b"")
    if len(_families) < _MOST_FAMILIES:
        _families[content_type] = found
    return found


def _on_one_line(body: bytes) -> bytes:
    """Raises ValueError for what is no JSON (RFC 8259) in UTF-8, or that readers may refuse."""
    if _is_odd(body):
        from_json(body, allow_inf_nan=False)
    else:
        _skip(body)
        if not body.isascii():  # msgspec does not look into strings that it skips
            body.decode()
    # Line ends stand outside of strings, where JSON allows blanks instead.
    return body if _is_one_line(body) else body.replace(b"\n", b" ").replace(b"\r", b" ")


def _is_odd(body: bytes) -> bool:
    """Whether it may be nested too deep or hold an integer that Python's own reader refuses (over 4,300 digits)."""
    if len(body) <= 2 * _DEEPEST:
        return False
    if body.count(b"[") + body.count(b"{") > _DEEPEST:
        return True
    return any(body[at : at + _DIGITS].isdigit() for at in range(0, len(body) - _DIGITS, _DIGITS))


def _is_one_line(body: bytes) -> bool:
    return body.find(b"\n") < 0 and body.find(b"\r") < 0


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
