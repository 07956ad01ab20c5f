"""Whether a server answers what the model says, before and after its load: a wrong answer disqualifies it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.measure.server import Server

_AT_A_TIME = 8
_MANY, _FEW = 16, 3
_LARGE_BYTES = 100_000
_SHOWN = 80


class WrongAnswer(Exception):
    """The text shows request and answer."""


def verify(server: Server) -> None:
    """Requests that all differ, several at a time, so that answers that were exchanged are found."""
    count = _MANY if server.workload.request_bytes < _LARGE_BYTES else _FEW
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        list(pool.map(lambda number: _verify_one(server, number), range(count)))


def _verify_one(server: Server, number: int) -> None:
    peer, workload = server.peer, server.workload
    payload = workload.payload(number)
    expected = workload.expected(number)
    reply = server.request("POST", peer.target(workload), peer.body(workload, payload))
    if reply.status != 200:
        raise WrongAnswer(f"request {number} was answered {reply.status}: {reply.body[:_SHOWN]!r}")
    try:
        found = peer.value(workload, reply.body)
    except (ValueError, LookupError, TypeError) as error:
        raise WrongAnswer(f"request {number} was answered {reply.body[:_SHOWN]!r}: {error!r}") from None
    if found != expected:
        raise WrongAnswer(f"request {number} was answered {_short(found)}, expected {_short(expected)}")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
