"""What the HTTP front asks of a contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.routing import Route

from plimsoll.errors import RequestError


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that the front gives itself; header names in lower case. `has_ids`: with the ids of the request."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    has_ids: bool = True


class State(Protocol):
    """The server, as far as contracts ask. `metadata`: what the codec of a loaded worker says; empty before that."""

    @property
    def metadata(self) -> Mapping[str, Any]: ...

    async def unready_reason(self) -> str | None:
        """None: ready, as /health/ready says."""


class Front(Protocol):
    """`paths`: templates of all its routes. `main`: where a client scores that knows nothing else, as the profiler.

    `loading`: what a request is told before the model is loaded; empty where it waits. `methods`: of its scoring
    routes. `prefix`: below it, paths that nobody knows are answered in this contract's words.
    """

    name: str
    paths: frozenset[str]
    main: str
    loading: str
    methods: frozenset[str]
    prefix: str

    def label(self, path: str) -> str | None:
        """The template of the scoring route that `path` (no %-escapes, no query) is of; None where it is of none."""

    def refused(self, error: RequestError, request_id: bytes | None) -> Reply:
        """No id where no route was found."""

    def routes(self, state: State) -> list[Route]:
        """All that are not for scoring: probes, metadata."""


def allow(methods: frozenset[str]) -> tuple[bytes, bytes]:
    return (b"allow", ", ".join(sorted(methods)).encode())
