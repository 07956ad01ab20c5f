"""GET: the query string becomes a dictionary, or for an undecorated run() the JSON text of one."""

from __future__ import annotations

import codecs
import json
from typing import Any, cast
from urllib.parse import parse_qsl, quote_from_bytes

_KEEP_ESCAPED = "plimsoll.keep_escaped"


def query_as_json(target: str) -> str:
    return json.dumps(query_values(target))


def query_values(target: str) -> dict[str, Any]:
    """Each value is taken as JSON where it is JSON, else as text; a repeated key becomes a list."""
    values: dict[str, list[Any]] = {}
    for key, value in parse_qsl(_query(target), keep_blank_values=True, errors=_KEEP_ESCAPED):
        values.setdefault(key, []).append(_parsed(value))
    return {key: found[0] if len(found) == 1 else found for key, found in values.items()}


def _query(target: str) -> str:
    return target.partition("?")[2].encode("latin-1", "replace").decode("utf-8", "replace")


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _keep_escaped(failure: UnicodeDecodeError) -> tuple[str, int]:
    # Bytes that are not UTF-8 stay percent-encoded, as Werkzeug leaves them for raw scripts.
    return quote_from_bytes(failure.object[failure.start : failure.end], safe=""), failure.end


# The name is used for decoding only.
codecs.register_error(_KEEP_ESCAPED, cast(Any, _keep_escaped))
