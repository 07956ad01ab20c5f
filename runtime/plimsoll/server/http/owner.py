"""Who hears what a reader finds: the connection, which answers it."""

from __future__ import annotations

from typing import Protocol

from plimsoll.errors import RequestError
from plimsoll.server.http.request import Request


class RequestOwner(Protocol):
    def on_head(self, request: Request) -> None:
        """A head is complete. May set `unwanted`."""

    def on_broken(self, error: RequestError) -> None:
        """What came cannot be a request, or goes beyond a limit; the reader has ended."""

    def on_fed(self) -> None:
        """There is memory again: it may be read on."""
