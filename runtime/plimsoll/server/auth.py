"""API keys from a file: one per line, all of them valid, so that a new one can be given out before the old one ends."""

from __future__ import annotations

import hmac
import logging
import time
from pathlib import Path

from plimsoll.errors import Unauthorized, UsageError

_LOG = logging.getLogger("plimsoll.server")
_LOOK_AGAIN_S = 1.0
_SHORTEST = 16


class ApiKeys:
    """Reads the file again within a second of a change; a file that has become unusable leaves the last keys valid."""

    def __init__(self, path: str) -> None:
        """Raises UsageError when there is no usable key."""
        self._path = Path(path)
        self._keys = self._read()
        self._version = self._stamp()
        self._looked_s = time.monotonic()

    def first(self) -> str:
        """For a client of our own."""
        return self._keys[0].decode("latin-1")

    def check(self, headers: dict[bytes, bytes]) -> None:
        """Raises Unauthorized. Every key is compared, each in constant time."""
        self._reload_if_changed()
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        matches = [hmac.compare_digest(key, given.strip()) for key in self._keys]
        if scheme.lower() != b"bearer" or not any(matches):
            raise Unauthorized("An API key is needed: send 'Authorization: Bearer KEY'.")

    def _reload_if_changed(self) -> None:
        now = time.monotonic()
        if now - self._looked_s < _LOOK_AGAIN_S:
            return
        self._looked_s = now
        version = self._stamp()
        if version == self._version:
            return
        self._version = version
        try:
            self._keys = self._read()
            _LOG.info("read %d API key(s) from %s", len(self._keys), self._path)
        except UsageError as error:
            _LOG.error("%s; the keys read before stay valid", error)

    def _stamp(self) -> tuple[int, int, int]:
        """Changes with the file, also when it is replaced by a link to another one (as mounted secrets are)."""
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0, 0)
        return (found.st_mtime_ns, found.st_ino, found.st_size)

    def _read(self) -> list[bytes]:
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError as error:
            raise UsageError(f"API key file {self._path}: {error.strerror}") from None
        keys = [line.strip() for line in lines if line.strip() and not line.startswith(b"#")]
        if not keys:
            raise UsageError(f"API key file {self._path} holds no key", remedy="put one key on each line")
        short = next((number for number, key in enumerate(keys, 1) if len(key) < _SHORTEST), None)
        if short is not None:
            raise UsageError(f"API key file {self._path}: key {short} has fewer than {_SHORTEST} characters")
        return keys
