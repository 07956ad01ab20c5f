"""Rows that are more than a body: `{"body": …, "headers": {…}, "method": …, "path": …, "expect": {"status": …}}`.

One object per line. `body` is text, or any other JSON value that is then sent as JSON; `body_b64` is bytes in base64.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from plimsoll.errors import DatasetError
from plimsoll.profiling.dataset.rows import BINARY_TYPE, Row

_KEYS = {"body", "body_b64", "headers", "method", "path", "expect"}
# No HEAD: its answer promises a body that never comes.
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
TARGET = re.compile(r"/[\x21-\x7e]*")
# The driver writes these itself: another value would break the connection for all rows.
_OWN_HEADERS = {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade"}


def looks_like_envelopes(lines: Iterable[Row]) -> bool:
    """True where every line is an object with a body and nothing that an envelope has not: else lines are bodies."""
    return all(_is_envelope(line.body) for line in lines)


def _is_envelope(line: bytes) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and bool({"body", "body_b64"} & set(value)) and set(value) <= _KEYS


def read_envelopes(name: str, lines: Iterable[Row]) -> Iterator[Row]:
    """What each line holds; raises DatasetError that names file, line and key."""
    return (_read(f"{name}, line {line.number}", line) for line in lines)


def _read(where: str, line: Row) -> Row:
    try:
        value = json.loads(line.body)
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{where}: not JSON ({error})") from None
    if not isinstance(value, dict):
        raise DatasetError(f"{where}: not an object")
    if unknown := sorted(set(value) - _KEYS):
        raise DatasetError(f"{where}: unknown key {unknown[0]!r}", remedy=f"known are {', '.join(sorted(_KEYS))}")
    body, content_type = _body(where, value)
    return Row(
        number=line.number,
        body=body,
        content_type=content_type,
        headers=tuple(_headers(where, value.get("headers", {}))),
        method=_method(where, value.get("method", "POST")),
        path=_path(where, value.get("path")),
        expected_status=_status(where, value.get("expect")),
    )


def _body(where: str, value: dict[str, Any]) -> tuple[bytes, str]:
    """The bytes, and their type where the form of the row says it."""
    if "body" in value and "body_b64" in value:
        raise DatasetError(f"{where}: body and body_b64 exclude each other")
    if "body_b64" in value:
        try:
            return base64.b64decode(value["body_b64"], validate=True), BINARY_TYPE
        except (TypeError, ValueError, binascii.Error):
            raise DatasetError(f"{where}: body_b64 is not base64") from None
    body = value.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    try:
        return text.encode(), ""
    except UnicodeEncodeError:
        raise DatasetError(f"{where}: body holds half a character, which has no UTF-8 form") from None


def _headers(where: str, value: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict):
        raise DatasetError(f"{where}: headers is not an object")
    for name, text in value.items():
        if not _TOKEN.fullmatch(name) or not isinstance(text, str) or not FIELD_VALUE.fullmatch(text):
            raise DatasetError(f"{where}: header {name!r} cannot be sent")
        if name.lower() in _OWN_HEADERS:
            raise DatasetError(f"{where}: header {name!r} is set by the load driver")
        yield name, text


def _method(where: str, value: Any) -> str:
    if value not in METHODS:
        raise DatasetError(f"{where}: method {value!r} is not one of {', '.join(METHODS)}")
    return str(value)


def _path(where: str, value: Any) -> str | None:
    if value is not None and not (isinstance(value, str) and TARGET.fullmatch(value)):
        raise DatasetError(f"{where}: path {value!r} does not begin with / or holds blanks")
    return value


def _status(where: str, value: Any) -> int | None:
    if value is None:
        return None
    status = value.get("status") if isinstance(value, dict) and set(value) == {"status"} else None
    if type(status) is not int or not 200 <= status <= 599:
        raise DatasetError(f'{where}: expect is not {{"status": 200 … 599}}')
    return status
