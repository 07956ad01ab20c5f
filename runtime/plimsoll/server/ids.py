"""Request ids: read from the request, invented where missing, echoed by Azure ML's rules.

x-request-id            A   echoed, or a new UUID
x-ms-request-id         B   deprecated: echoed, or the client's id, or A
x-ms-client-request-id  C   echoed, or B; left out when the client sent neither
"""

from __future__ import annotations

from random import getrandbits

from plimsoll.errors import IdTooLong
from plimsoll.server.http.head import Fields

_LONGEST = 100
_UUID_MASK = ~(0xF << 76 | 0x3 << 62)
_UUID_VERSION = 4 << 76 | 2 << 62
_REQUEST, _MS, _CLIENT = b"x-request-id", b"x-ms-request-id", b"x-ms-client-request-id"


def request_ids(headers: dict[bytes, bytes]) -> Fields:
    """The id headers of the response, x-request-id first. Raises IdTooLong."""
    request, legacy, client = headers.get(_REQUEST), headers.get(_MS), headers.get(_CLIENT)
    if request is legacy is client is None:
        new = new_id()
        return [(_REQUEST, new), (_MS, new)]
    _refuse_long(request or b"", legacy or b"", client or b"")
    request = request or new_id()
    ids = [(_REQUEST, request), (_MS, legacy or client or request)]
    echo = client or legacy
    return [*ids, (_CLIENT, echo)] if echo else ids


def new_id() -> bytes:
    """A random (version 4) UUID. Ids are for correlation, not secrets: asking the kernel for each would cost 5 µs."""
    text = f"{getrandbits(128) & _UUID_MASK | _UUID_VERSION:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}".encode()


def _refuse_long(request: bytes, legacy: bytes, client: bytes) -> None:
    if len(request) > _LONGEST:
        raise IdTooLong(f"x-request-id must not exceed {_LONGEST} characters")
    if max(len(legacy), len(client)) > _LONGEST:
        message = f"x-ms-request-id and x-ms-client-request-id must not exceed {_LONGEST} characters"
        raise IdTooLong(message, ids=[(_REQUEST, request or new_id())])
