"""What the protocol's clients are told when a request cannot be served: `error`, as all of them read it.

A request that is no inference request at all gets what MLServer says: 422 and pydantic's `detail`, of the first mistake
alone, and without the input itself, which may be as long as the request.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

JSON_TYPE = "application/json"
_MESSAGES = {
    "missing": "Field required",
    "string_type": "Input should be a valid string",
    "list_type": "Input should be a valid list",
    "int_type": "Input should be a valid integer",
    "int_parsing": "Input should be a valid integer, unable to parse string as an integer",
    "int_from_float": "Input should be a valid integer, got a number with a fractional part",
    "model_attributes_type": "Input should be a valid dictionary or object to extract fields from",
    "json_invalid": "JSON decode error",
}


class Refusal(Exception):
    """Of one request; the client sees `body`."""

    def __init__(self, message: str, status: int = 400, detail: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = error_body(message, detail)


def invalid(loc: tuple[str | int, ...], kind: str, message: str = "", **more: Any) -> Refusal:
    """What pydantic says of a field at `loc`."""
    text = message or _MESSAGES[kind]
    path = ".".join(map(str, loc)) or "the body"
    detail = {"type": kind, "loc": ["body", *loc], "msg": text, **more}
    return Refusal(f"{path}: {more.get('ctx', {}).get('error') or text}", 422, [detail])


def error_body(message: str, detail: Any = None) -> bytes:
    return json.dumps({"error": message} if detail is None else {"error": message, "detail": detail}).encode()


def phrase_detail(status: int) -> str | None:
    """FastAPI's, for what has no route."""
    return HTTPStatus(status).phrase if status in (404, 405) else None
