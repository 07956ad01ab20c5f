"""A request's body without the coding that it travelled in: as long as the server takes bodies, and no longer.

The lengths in the request, the header `Inference-Header-Content-Length` too, are those of the body without its coding.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from plimsoll.contracts.v2.refusals import Refusal

_WINDOWS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""As zlib calls their formats. HTTP's deflate has the frame of zlib around it."""


def unpacked(body: memoryview, codings: Sequence[str], max_bytes: int) -> memoryview:
    """Raises Refusal."""
    names = [name.strip().lower() for coding in codings for name in coding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names:
        return body
    if len(names) > 1 or names[0] not in _WINDOWS:
        raise Refusal(f"The body is coded as {', '.join(names)}: send it as gzip, as deflate, or as it is.", 415)
    return _inflated(body, names[0], max_bytes)


def _inflated(body: memoryview, name: str, max_bytes: int) -> memoryview:
    """One stream: of many small ones each would cost a copy of what follows."""
    stream = zlib.decompressobj(_WINDOWS[name])
    try:
        found = stream.decompress(body, max_bytes + 1)
    except zlib.error as failure:
        raise Refusal(f"The body is not coded as {name}: {failure}.") from None
    if len(found) > max_bytes:
        raise Refusal(f"The request body is larger than {max_bytes} bytes.", 413)
    if not stream.eof:
        raise Refusal(f"The body is cut off: its {name} has no end.")
    if stream.unused_data:
        raise Refusal(f"{len(stream.unused_data)} bytes follow the body's {name}.")
    return memoryview(found)
