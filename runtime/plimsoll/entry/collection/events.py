"""One collected record: a CloudEvent (version 1.0, JSON format) on a line of its own, with Azure ML's attributes.

Made by the front for every request and answer, and by a worker for what run() gives: so it is put together from bytes,
and a body that is JSON is embedded as it came. `data` stands last, for a reader that wants those bytes back.
"""

from __future__ import annotations

import json
import re
import time
from binascii import b2a_base64
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import NoReturn
from zlib import crc32

from plimsoll.version import __version__

JSON_TYPE = "application/json"
LARGEST_EMBEDDED_BYTES = 64 * 1024
"""A larger body is not looked at: that would keep everything else waiting."""
COLLECTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
"""The name of a collection becomes that of a folder."""
_JSON_SUFFIX = re.compile(r"application/(?:[\w.+-]+\+)?json")


class Events:
    """Lines of one process; `source` says what was called, and with its `instance` makes every id unique."""

    def __init__(self, source: str, instance: str) -> None:
        self._instance = instance
        self._begin = b'{"specversion":"1.0","source":%b,"agent":%b,"modelversion":"default","id":"' % (
            quoted(source),
            quoted(f"plimsoll/{__version__}"),
        )
        self._made = 0
        self._second = 0
        self._stamp = b""

    def line(self, collection: bytes, at_s: float, request_id: str, more: bytes, data: bytes) -> bytes:
        """`at_s` seconds since 1970; `more` and `data` are members that are there already, each with a comma first."""
        return b"".join((self.head(collection, at_s, request_id, request_id, more), data, b"}\n"))

    def head(self, collection: bytes, at_s: float, request_id: str, correlation_id: str, more: bytes) -> bytes:
        """All but the data."""
        self._made += 1
        return b'%b%b-%x","type":"azureml.inference.%b","time":"%b","correlationid":%b,"xrequestid":%b%b' % (
            self._begin,
            self._instance.encode(),
            self._made,
            collection,
            self._time(at_s),
            quoted(correlation_id),
            quoted(request_id),
            more,
        )

    def _time(self, at_s: float) -> bytes:
        """RFC 3339 with microseconds; formatted once a second."""
        second = int(at_s)
        if second != self._second:
            self._second, self._stamp = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%b.%06dZ" % (self._stamp, int((at_s - second) * 1e6))


def quoted(text: str) -> bytes:
    """As a JSON string."""
    return encode_basestring_ascii(text).encode("ascii")


def is_sampled(request_id: str, rate: float) -> bool:
    """Whether the records of a request are kept: of all collections or of none, in the front and in its workers."""
    return rate >= 1.0 or crc32(request_id.encode("utf-8", "surrogatepass")) < rate * 2**32


def small_data(body: bytes, content_type: str) -> bytes:
    """The members that hold a body of LARGEST_EMBEDDED_BYTES at most; `content_type` may be empty."""
    if not body:
        return typed(content_type) if content_type else b""
    is_json, is_text = _family(content_type)
    if is_json and (value := _embedded(body)) is not None:
        return b'%b,"data":%b' % (typed(content_type or JSON_TYPE), value)
    if is_text and (text := _text(body)) is not None:
        return b'%b,"data":%b' % (typed(content_type), quoted(text))
    return b'%b"' % base64_begin(content_type) + b2a_base64(body, newline=False) + b'"'


def base64_begin(content_type: str) -> bytes:
    """What stands before the quoted base64 of a body (CloudEvents: the member for binary data)."""
    return b'%b,"data_base64":' % typed(content_type or "application/octet-stream")


@lru_cache(maxsize=64)
def typed(content_type: str) -> bytes:
    return b',"datacontenttype":%b' % quoted(content_type)


@lru_cache(maxsize=64)
def _family(content_type: str) -> tuple[bool, bool]:
    """Whether it is JSON, which it may also be where nothing says what it is, and whether it is text."""
    kind = content_type.partition(";")[0].strip().lower()
    is_text = kind.startswith("text/") or kind in ("application/x-www-form-urlencoded", "application/xml")
    return not kind or _JSON_SUFFIX.fullmatch(kind) is not None, is_text


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_read = json.JSONDecoder(parse_constant=_refuse).decode


def _embedded(body: bytes) -> bytes | None:
    """On one line; None where it is no JSON: one such body would make the file unreadable."""
    try:
        _read(body.decode())
    except (ValueError, RecursionError):
        return None
    if b"\n" in body or b"\r" in body:  # outside of strings, where JSON allows blanks instead
        return body.replace(b"\n", b" ").replace(b"\r", b" ")
    return body


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
