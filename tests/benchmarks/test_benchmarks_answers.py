"""A wrong answer disqualifies a server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.answers import WrongAnswer, verify
from benchmarks.measure.gate import Gate
from benchmarks.measure.server import Server
from benchmarks.peers.registry import BY_NAME
from benchmarks.visit import Visit
from benchmarks.workloads import BY_NAME as WORKLOADS


@pytest.fixture
def echo() -> Iterator[Server]:
    with Visit(BY_NAME["bare"], Path(sys.executable), WORKLOADS["echo"], 1, False, 1, Gate()).start() as server:
        yield server


def test_the_right_answers_pass(echo: Server) -> None:
    verify(echo)


def test_an_echo_is_not_a_length(echo: Server) -> None:
    echo.workload = replace(WORKLOADS["body-600k"], request_bytes=100)
    with pytest.raises(WrongAnswer, match="was answered b'000000"):
        verify(echo)


def test_a_path_that_does_not_score_is_a_wrong_answer(echo: Server) -> None:
    echo.workload = replace(WORKLOADS["echo"])
    echo.peer = _Astray()
    with pytest.raises(WrongAnswer, match="expected"):
        verify(echo)


class _Astray(type(BY_NAME["bare"])):  # type: ignore[misc]  # a class that is found at run time
    path = "/health"
