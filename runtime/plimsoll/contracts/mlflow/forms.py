"""The forms that a request to /invocations may have: which it is in, checked as far as that needs no arrays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from plimsoll.entry.builtin.mlflow_input import AZURES, MLFLOWS

CSV = "text/csv"
JSON = "application/json"
PARQUET = "application/vnd.apache.parquet"
_TYPES = (CSV, JSON, PARQUET)
_PARAMS = "params"
_KEYS = ", ".join(sorted(MLFLOWS | {AZURES}))


class Unfit(Exception):
    """The request is in none of the forms; the message is the client's."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Form:
    """`name`: the key that `data` came under, or the content type. `params` None: none were sent."""

    name: str
    data: Any
    params: Any = None


def form_of(content_type: str, body: bytes | memoryview) -> Form:
    """Raises Unfit."""
    kind = _kind_of(content_type)
    if kind == JSON:
        return _of_json(bytes(body))
    if kind == PARQUET:
        return Form(PARQUET, bytes(body))
    try:
        return Form(CSV, str(body, "utf-8"))
    except UnicodeDecodeError as failure:
        raise Unfit(f"Invalid input. The CSV is not UTF-8: {failure}") from None


def _kind_of(content_type: str) -> str:
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    values = dict(part.partition("=")[::2] for part in parameters)
    if values.pop("charset", "utf-8").lower() != "utf-8":
        raise Unfit("The scoring server only supports UTF-8", 415)
    if values:
        raise Unfit(f"Unrecognized content type parameters: {', '.join(values)}.", 415)
    if kind not in _TYPES:
        raise Unfit(f"The content type must be one of {', '.join(_TYPES)}, not {content_type!r}.", 415)
    return kind


def _of_json(body: bytes) -> Form:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as failure:
        raise Unfit(f"Invalid input. The body is not valid JSON: {failure}") from None
    if not isinstance(value, dict):
        raise Unfit(f"Invalid input. The body must be a JSON object with one of {_KEYS}.")
    # A form of mlflow's wins over Azure's, which mlflow does not know.
    names = sorted(MLFLOWS & value.keys()) or [AZURES] * (AZURES in value)
    if len(names) != 1:
        raise Unfit(f"The body must be a JSON object with exactly one of {_KEYS}; it has {sorted(value)}.")
    return Form(names[0], value[names[0]], value.get(_PARAMS))
