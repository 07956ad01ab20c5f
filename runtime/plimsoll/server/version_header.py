"""The header that names the server in every response, as Azure ML's does."""

from __future__ import annotations

from collections.abc import Mapping

from plimsoll.version import __version__


def version_header(environment: Mapping[str, str]) -> tuple[bytes, bytes]:
    """The server's name and version; Azure ML's variable for another text is honoured."""
    text = environment.get("HTTP_X_MS_SERVER_VERSION") or f"plimsoll/{__version__}"
    return (b"x-ms-server-version", text.encode("latin-1", "replace"))
