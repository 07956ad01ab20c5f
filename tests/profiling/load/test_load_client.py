"""The load driver against a little server: order, counts, failures, connections, and that it never outlives us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from plimsoll.errors import InternalError
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.dataset.rows import Row
from plimsoll.profiling.load.client import DriverClient
from support.little_server import LittleServer, little_server

Opened = tuple[LittleServer, DriverClient]
Open = Callable[..., Opened]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """``opened("body", …, timeout_s=…)``: a little server and a driver that has these rows."""
    with ExitStack() as stack:

        def start(*bodies: str, timeout_s: float = 5.0) -> Opened:
            (tmp_path / "rows.txt").write_text("\n".join(bodies))
            server = stack.enter_context(little_server())
            driver = stack.enter_context(DriverClient(tmp_path / "driver.log", None))
            driver.open(load_dataset(tmp_path / "rows.txt").rows, server.server_address[1], timeout_s, seed=1)
            return server, driver

        yield start


def nothing() -> None:
    """Nobody listens to ticks here."""


def test_every_pass_is_complete_and_in_another_order(opened: Open) -> None:
    bodies = [f"row {number}" for number in range(7)]
    server, driver = opened(*bodies)
    answer = driver.load(3, 0.3, 5.0, whole_passes=True, on_tick=nothing)
    assert answer.whole_passes
    assert answer.requests == answer.successes == sum(server.seen.values())
    assert len(set(server.seen.values())) == 1
    assert set(server.seen) == set(bodies)
    passes = [tuple(server.order[start : start + 7]) for start in range(0, 70, 7)]
    assert len(set(passes)) > 1


def test_one_connection_per_request_in_flight_kept_alive(opened: Open) -> None:
    server, driver = opened("sleep 0.01")
    driver.load(4, 0.3, 0.3, whole_passes=False, on_tick=nothing)
    driver.load(4, 0.2, 0.2, whole_passes=False, on_tick=nothing)
    assert server.most_at_once == 4
    assert server.connections == 4


def test_throughput_and_latency_of_a_server_that_sleeps(opened: Open) -> None:
    _, driver = opened("sleep 0.05")
    answer = driver.load(4, 1.0, 1.0, whole_passes=False, on_tick=nothing)
    mean_s = answer.latency.mean_s()
    assert mean_s is not None
    assert mean_s >= 0.05
    assert answer.throughput_rps * mean_s == pytest.approx(4, rel=0.05), "Little's law"
    assert answer.driver_cpu_s < answer.elapsed_s


def test_a_server_too_slow_for_the_window_is_still_measured(opened: Open) -> None:
    _, driver = opened("sleep 0.5")
    answer = driver.load(3, 0.1, 0.1, whole_passes=False, on_tick=nothing)
    assert answer.requests == 3
    mean_s = answer.latency.mean_s()
    assert mean_s is not None
    assert mean_s >= 0.5
    assert answer.throughput_rps == pytest.approx(3 / mean_s, rel=0.2)


def test_failures_keep_their_latency_and_do_not_count_as_throughput(opened: Open) -> None:
    _, driver = opened("sleep 0.01", "status 500", "status 429")
    answer = driver.load(1, 0.3, 5.0, whole_passes=True, on_tick=nothing)
    third = answer.requests // 3
    assert answer.outcomes == {"200": third, "500": third, "429": third}
    assert answer.failed_rows == {1: third, 2: third}
    assert answer.successes == third == answer.latency.count
    assert answer.failure_latency_sum_s > 0
    assert answer.throughput_rps == pytest.approx(third / answer.elapsed_s, rel=0.1)


def test_a_request_over_its_time_is_given_up(opened: Open) -> None:
    _, driver = opened("sleep 30", timeout_s=0.3)
    begun_s = time.monotonic()
    answer = driver.send_row(0, nothing)
    assert (answer.outcome, answer.succeeded) == ("timeout", False)
    assert 0.3 <= answer.latency_s <= time.monotonic() - begun_s < 15, "half of what the server sleeps"


def test_a_closed_connection_is_made_anew(opened: Open) -> None:
    server, driver = opened("close", "plain")
    answer = driver.load(2, 0.3, 5.0, whole_passes=True, on_tick=nothing)
    assert answer.outcomes == {"200": answer.requests}
    assert server.connections > 2


def test_a_connection_cut_without_an_answer_is_a_failure(opened: Open) -> None:
    _, driver = opened("cut")
    answer = driver.load(1, 0.1, 0.1, whole_passes=False, on_tick=nothing)
    assert set(answer.outcomes) == {"closed"}
    assert answer.successes == 0


def test_nobody_listening_is_a_failure_and_not_a_busy_loop(tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_text("a")
    with little_server() as server:
        port = server.server_address[1]
    with DriverClient(tmp_path / "driver.log", None) as driver:
        driver.open(load_dataset(tmp_path / "rows.txt").rows, port, 1.0, seed=1)
        answer = driver.load(1, 0.5, 0.5, whole_passes=False, on_tick=nothing)
        assert set(answer.outcomes) == {"refused"}
        assert answer.requests < 20


def test_chosen_rows_only(opened: Open) -> None:
    server, driver = opened("a", "b", "c")
    driver.choose_rows([0, 2], seed=1)
    driver.load(1, 0.1, 1.0, whole_passes=True, on_tick=nothing)
    assert set(server.seen) == {"a", "c"}


def test_the_same_seed_gives_the_same_order(opened: Open, tmp_path: Path) -> None:
    server, driver = opened(*"abcdefgh")
    orders = []
    for _ in range(2):
        server.order.clear()
        driver.choose_rows(range(8), seed=5)
        driver.load(1, 0.0, 1.0, whole_passes=True, on_tick=nothing)
        orders.append(server.order[:8])
    assert orders[0] == orders[1]


def test_ticks_come_while_an_answer_is_awaited(opened: Open) -> None:
    _, driver = opened("sleep 2")
    ticks: list[float] = []
    driver.send_row(0, lambda: ticks.append(time.monotonic()))
    assert len(ticks) >= 2


def test_a_driver_that_dies_is_an_internal_error(opened: Open) -> None:
    _, driver = opened("sleep 30")
    with pytest.raises(InternalError, match="load driver ended with code -9"):
        driver.send_row(0, lambda: os.kill(driver.pid, signal.SIGKILL))


def test_the_driver_ends_when_its_stdin_does(tmp_path: Path) -> None:
    driver = subprocess.Popen(
        [sys.executable, "-m", "plimsoll.profiling.load.driver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    driver.communicate(timeout=20)
    assert driver.returncode == 0


def test_a_row_says_which_status_is_right(tmp_path: Path) -> None:
    rows = [
        Row(1, b"status 404", "text/plain", expected_status=404),
        Row(2, b"fine", "text/plain", expected_status=201),
        Row(3, b"fine", "text/plain", method="PUT", headers=(("x-key", "k"),)),
    ]
    with little_server() as server, DriverClient(tmp_path / "driver.log", None) as driver:
        driver.open(rows, server.server_address[1], 5.0, seed=1)
        answers = [driver.send_row(index, lambda: None) for index in range(3)]
        load = driver.load(1, 0.1, 0.1, whole_passes=True, on_tick=lambda: None)
    assert [(answer.outcome, answer.succeeded) for answer in answers] == [("404", True), ("200", False), ("501", False)]
    assert set(load.failed_rows) <= {1, 2}
    assert load.successes
