"""Cross-origin answers by Azure ML's rules: a matching origin is echoed, any other gets no header at all."""

from __future__ import annotations

from plimsoll.server.http.head import Fields


class Cors:
    """`origins`: separated by commas, compared as given, or ``*``."""

    def __init__(self, origins: str) -> None:
        self._origins = frozenset(origin.strip().encode() for origin in origins.split(",") if origin.strip())

    def headers(self, request: dict[bytes, bytes], method: str) -> Fields:
        """What the answer to this request says of its origin."""
        origin = request.get(b"origin")
        if origin is None or not (origin in self._origins or b"*" in self._origins):
            return []
        found: Fields = [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        if method == "OPTIONS" and b"access-control-request-method" in request:
            found.append((b"access-control-allow-methods", b"GET, POST"))
            wanted = request.get(b"access-control-request-headers")
            if wanted is not None:
                found.append((b"access-control-allow-headers", wanted))
        return found
