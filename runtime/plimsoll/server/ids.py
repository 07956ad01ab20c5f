"""Request ids: read from the request, invented where missing, echoed by Azure ML's rules.

x-request-id            A   echoed, or a new UUID
x-ms-request-id         B   deprecated: echoed, or the client's id, or A
x-ms-client-request-id  C   echoed, or B; left out when the client sent neither
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from plimsoll.errors import IdTooLong
from plimsoll.server.asgi import RawHeaders

_LONGEST = 100
_REQUEST, _MS, _CLIENT = b"x-request-id", b"x-ms-request-id", b"x-ms-client-request-id"


def request_ids(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """The id headers of the response, x-request-id first. Raises IdTooLong."""
    sent = {name: value for name, value in headers if name in (_REQUEST, _MS, _CLIENT)}
    if not sent:
        new = new_id()
        return [(_REQUEST, new), (_MS, new)]
    _refuse_long(sent)
    request = sent.get(_REQUEST) or new_id()
    legacy, client = sent.get(_MS), sent.get(_CLIENT)
    ids = [(_REQUEST, request), (_MS, legacy or client or request)]
    echo = client or legacy
    return [*ids, (_CLIENT, echo)] if echo else ids


def new_id() -> bytes:
    """A random (version 4) UUID; written out by hand because every request needs one."""
    digits = bytearray(os.urandom(16))
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}".encode()


def _refuse_long(sent: dict[bytes, bytes]) -> None:
    if len(sent.get(_REQUEST, b"")) > _LONGEST:
        raise IdTooLong(f"x-request-id must not exceed {_LONGEST} characters")
    if max(len(sent.get(_MS, b"")), len(sent.get(_CLIENT, b""))) > _LONGEST:
        raise IdTooLong(f"x-ms-request-id and x-ms-client-request-id must not exceed {_LONGEST} characters")
