"""Errors in Azure ML's words, with what we add: a stable code and the id of the request."""

from __future__ import annotations

import json

from plimsoll.errors import RequestError

JSON = (b"content-type", b"application/json")
RUN_FAILED = {False: (b"x-ms-run-function-failed", b"False"), True: (b"x-ms-run-function-failed", b"True")}


def error_body(error: RequestError, request_id: bytes | None = None) -> bytes:
    """`message` in Azure ML's words where it has them, our stable `code`, and the request id."""
    content = {"message": error.message, "code": error.code}
    if request_id is not None:
        content["requestId"] = request_id.decode("latin-1")
    return json.dumps(content).encode()


def error_headers(error: RequestError) -> list[tuple[bytes, bytes]]:
    headers = [JSON, RUN_FAILED[error.run_function_failed]]
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    return headers
