"""Answers that the front gives itself: JSON errors and their headers."""

from __future__ import annotations

import json
from collections.abc import Mapping

from plimsoll.errors import RequestError
from plimsoll.server.http.head import Fields
from plimsoll.version import __version__

JSON = (b"content-type", b"application/json")
RUN_FAILED = {False: (b"x-ms-run-function-failed", b"False"), True: (b"x-ms-run-function-failed", b"True")}


def version_header(environment: Mapping[str, str]) -> tuple[bytes, bytes]:
    """The server's name and version; Azure ML's variable for another text is honoured."""
    text = environment.get("HTTP_X_MS_SERVER_VERSION") or f"plimsoll/{__version__}"
    return (b"x-ms-server-version", text.encode("latin-1", "replace"))


def error_body(error: RequestError, request_id: bytes | None = None) -> bytes:
    """`message` in Azure ML's words where it has them, our stable `code`, and the request id."""
    content = {"message": error.message, "code": error.code}
    if request_id is not None:
        content["requestId"] = request_id.decode("latin-1")
    return json.dumps(content).encode()


def error_headers(error: RequestError, ids: Fields) -> Fields:
    headers = [JSON, *ids, RUN_FAILED[error.run_function_failed]]
    if error.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    return headers
