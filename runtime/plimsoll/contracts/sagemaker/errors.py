"""An error in the form of AWS's multi-model server."""

from __future__ import annotations

_TYPES = {
    404: "ResourceNotFoundException",
    405: "MethodNotAllowedException",
    408: "RequestTimeoutException",
    413: "RequestEntityTooLargeException",
    503: "ServiceUnavailableException",
}
_CLIENT, _SERVER = "BadRequestException", "InternalServerException"


def error_content(status: int, message: str) -> dict[str, int | str]:
    kind = _TYPES.get(status) or (_CLIENT if status < 500 else _SERVER)
    return {"code": status, "type": kind, "message": message}
