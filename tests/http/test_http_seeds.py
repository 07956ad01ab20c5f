"""What fuzzing has found or begun with: `make fuzz` adds to tests/http/seeds, and every input stays right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import frames_target
import parser_target
import pytest
from http_servers import echo_server
from talk.play import Fence

from support.server import Server

_SEEDS = Path(__file__).with_name("seeds")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with echo_server(tmp_path_factory.mktemp("seeds")) as running:
        yield running


def test_frames() -> None:
    seeds = sorted((_SEEDS / "frames").iterdir())
    assert seeds
    for seed in seeds:
        frames_target.check(seed.read_bytes())


def test_parser(server: Server) -> None:
    seeds = sorted((_SEEDS / "parser").iterdir())
    assert seeds
    with Fence(server.port) as fence:
        for seed in seeds:
            parser_target.check(server.port, fence, seed.read_bytes())
