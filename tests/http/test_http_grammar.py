"""Requests drawn from a grammar, some of them spoilt: each that is beyond doubt gets its own answer."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Sequence

import pytest
from fuzzed import Fuzzed
from grammar import Grammar
from http_servers import echo_server
from talk.pieces import SEED
from talk.play import Fence

from support.server import Server

_SECONDS = float(os.environ.get("PLIMSOLL_FUZZ_SECONDS", "12"))
_AT_ONCE = 250
_GROWTH_BYTES = 60e6
"""Above what the largest bodies at once need; a leak of a body per connection would be a hundred times as much."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with echo_server(tmp_path_factory.mktemp("grammar")) as running:
        yield running


def _batch(port: int, grammar: Grammar, source: random.Random) -> list[Fuzzed]:
    return [Fuzzed(port, grammar.draw(), source, ()) for _ in range(_AT_ONCE)]


def _wrong(batch: Sequence[Fuzzed], port: int) -> list[str]:
    running = list(batch)
    with Fence(port) as fence:
        while running:
            fence.wait()
            for one in running:
                one.advance()
            running = [one for one in running if not one.over]
    return [f"{one.deviation}\n{one.case.raw!r}" for one in batch if one.deviation]


def test_each_request_gets_its_own_answer(server: Server) -> None:
    print(f"seed {SEED} (set PLIMSOLL_SEED for another, PLIMSOLL_FUZZ_SECONDS for more than {_SECONDS:g} s)")
    grammar, source = Grammar(SEED), random.Random(SEED)
    before, sequences, whole = _bytes(server), 0, 0
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        batch = _batch(server.port, grammar, source)
        wrong = _wrong(batch, server.port)
        assert not wrong, f"seed {SEED}: {len(wrong)} of a batch, behind {sequences} good ones:\n{wrong[0]}"
        sequences += len(batch)
        whole += sum(one.is_whole() for one in batch)
    print(f"{sequences} sequences, {whole} of them beyond doubt")
    assert 0.2 < whole / sequences < 0.9, "the grammar draws too few good sequences, or too few bad ones"
    assert server.process.poll() is None
    assert _bytes(server) - before < _GROWTH_BYTES


def _bytes(server: Server) -> float:
    return sum(process.memory_info().rss for process in (server.front(), *server.workers()))
