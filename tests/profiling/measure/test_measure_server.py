"""A server under load through the tools of a phase: what is counted, sampled and repeated, how its end is noticed."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.host.cpus import describe_host
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.measure.meter import FRONT
from plimsoll.profiling.measure.server import (
    GpuLost,
    Load,
    ServerLost,
    ServerUnderTest,
    Stopwatch,
    connections_ahead,
    describe_exit,
)
from plimsoll.profiling.measure.timeline import Recorder
from plimsoll.profiling.phases.start import wait_for_start
from plimsoll.profiling.session import CpuPlacement, Session, Setup
from support.patience import best_of_three
from support.profile_runs import Notes, options_for
from support.server import wait_for

# 5 ms of CPU, whatever the clock on the wall does meanwhile.
SCRIPT = """
import time
def init(): pass
def run(data):
    end = time.thread_time() + 0.005
    while time.thread_time() < end: pass
    if data == "bad": raise ValueError(data)
    return data
"""
ROWS = ["one", "two", "bad", "four"]


@contextmanager
def under_test(folder: Path, **changes: Any) -> Iterator[tuple[Session, ServerUnderTest, Notes]]:
    """A real server, ready, with the driver pointed at it and all rows chosen; the third always fails."""
    options = options_for(folder, SCRIPT, ROWS, **changes)
    options.output_dir.mkdir()
    dataset, notes = load_dataset(options.dataset), Notes()
    setup = Setup(options, dataset, describe_host(), CpuPlacement(None, None), 5.0, datetime.now(UTC))
    with DriverClient(folder / "driver.log", None) as driver:
        session = Session(setup, notes, driver, Stopwatch(60.0))
        with session.server() as server:
            wait_for_start(server)
            session.aim(server)
            server.choose(Load(range(len(ROWS)), frozenset({2})))
            yield session, server, notes


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Session, ServerUnderTest, Notes]]:
    """One that no test harms."""
    with under_test(tmp_path_factory.mktemp("shared")) as made:
        yield made


Made = tuple[Session, ServerUnderTest, Notes]


def test_a_window_counts_requests_failures_and_cpu(shared: Made) -> None:
    _, server, _ = shared
    found = server.window(2, 0.5, 5.0, whole_passes=True)
    assert found.answer.requests % 4 == 0
    assert found.answer.successes == found.answer.requests * 3 // 4
    assert found.answer.failed_rows == {2: found.answer.requests // 4}
    assert server.unexpected([found]) == 0, "of this row it is known"
    assert set(found.cpu_s) == {FRONT, "worker 0"}
    assert found.cpu_s["worker 0"] >= 0.005 * found.answer.requests
    assert found.cpu_per_request_s >= 0.005
    assert found.total_cpu_s == pytest.approx(sum(found.cpu_s.values()))
    assert found.elsewhere_cores >= 0.0
    assert found.anonymous_bytes is not None
    assert found.anonymous_bytes > 1_000_000


def test_cores_are_sampled_every_half_second_or_once_for_all(shared: Made) -> None:
    """One worker of one thread cannot keep more than about one core busy; a short window has its mean."""
    _, server, _ = shared

    def measure() -> None:
        short, long = (server.window(1, seconds, seconds, whole_passes=False) for seconds in (0.2, 1.8))
        assert len(short.cores) == 1
        assert short.cores[0] == pytest.approx(short.total_cpu_s / short.answer.elapsed_s)
        assert 1 <= len(long.cores) <= long.answer.elapsed_s / 0.5
        assert all(0 < cores < 1.6 for cores in long.cores)

    best_of_three(measure)


def test_a_failure_of_another_row_is_unexpected(shared: Made) -> None:
    _, server, _ = shared
    try:
        server.choose(Load([1, 2], frozenset()))
        found = server.window(1, 0.1, 2.0, whole_passes=True)
        assert server.unexpected([found, found]) == found.answer.requests
        assert found.answer.requests == 2 * found.answer.failed_rows[2]
    finally:
        server.choose(Load(range(len(ROWS)), frozenset({2})))


def test_arrivals_come_in_the_same_order_every_time(shared: Made) -> None:
    """So that a level within limits is compared with one without, and not with other rows."""
    _, server, _ = shared
    levels = [server.rate_window(40.0, 0.65, 100, 1) for _ in range(2)]
    for window, answer in levels:
        assert answer.offered == 26
        assert window.answer is answer.load
        assert answer.load.requests == 26
    assert levels[0][1].load.failed_rows == levels[1][1].load.failed_rows


def test_no_window_asks_for_more_connections_than_there_may_be(shared: Made) -> None:
    _, server, _ = shared
    before, server.most_connections = server.most_connections, 2
    try:
        assert server.window(16, 0.2, 0.2, whole_passes=False).answer.connections == 2
        assert server.rate_window(30.0, 0.5, 100, 0)[1].load.connections <= 2
    finally:
        server.most_connections = before


def test_one_row_at_a_time(shared: Made) -> None:
    _, server, _ = shared
    good, bad = server.send_row(0), server.send_row(2)
    assert (good.outcome, good.succeeded) == ("200", True)
    assert (bad.outcome, bad.succeeded) == ("500", False)
    assert good.latency_s >= 0.005


def test_phases_are_announced_with_the_prefix_of_their_server(shared: Made) -> None:
    session, server, notes = shared
    server.prefix = "verify: "
    try:
        watch = server.begin("capacity", 7.0)
    finally:
        server.prefix = ""
    assert notes.phases[-1] == "verify: capacity"
    assert session.recorder.phases[-1][0] == "verify: capacity"
    assert watch.budget_s == 7.0


def test_whether_there_are_batches_is_asked_once(shared: Made) -> None:
    _, server, _ = shared
    assert server.batches() is None
    assert server._batching is False


def test_the_first_server_tells_how_many_connections_there_may_be(shared: Made) -> None:
    session, server, notes = shared
    assert session.connections is not None
    assert session.aimed
    assert server.most_connections == session.connections.most
    assert bool(notes.notes) == session.connections.bounds


def test_time_is_limited_only_where_a_plan_says_so(shared: Made) -> None:
    session, _, _ = shared
    assert session.time_for(1e9)
    session.overtime_s = session.watch.elapsed_s() + 50
    try:
        assert session.time_for(10)
        assert not session.time_for(100)
    finally:
        session.overtime_s = None


class Killing(Notes):
    """Kills the server when it is told how far the load is."""

    def __init__(self, server: ServerUnderTest) -> None:
        super().__init__()
        self._server = server

    def advance(self, elapsed_s: float) -> None:
        process = self._server.process
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.tree.root_pid, signal.SIGKILL)
        wait_for(lambda: process.exit_code() is not None, "end of the master")


def test_a_server_that_is_lost_is_noticed_during_the_load(tmp_path: Path) -> None:
    """Not at its end: a run of minutes must not go on for nobody."""
    with contextlib.ExitStack() as stack:
        _, server, _ = stack.enter_context(under_test(tmp_path))
        server.progress = Killing(server)
        with pytest.raises(ServerLost, match="killed by signal 9"):
            server.window(1, 60.0, 60.0, whole_passes=False)
        with pytest.raises(ServerLost):
            server.wait_until_ready(20.0)


class LostGpu:
    """What a recorder of GPUs says after one has fallen off the bus."""

    lost: str | None = "NVIDIA H100 (GPU-0) was lost"

    def begin_server(self, *_: object) -> None:
        """Not of interest here."""

    def begin(self, phase: str) -> None:
        """Nor this."""

    def rise_bytes(self) -> int:
        return 0


def test_a_gpu_that_is_lost_ends_the_run_though_the_server_answers(shared: Made) -> None:
    _, server, _ = shared
    whole, server.recorder = server.recorder, Recorder(gpu=LostGpu())
    try:
        with pytest.raises(GpuLost, match=r"NVIDIA H100 \(GPU-0\) was lost") as lost:
            server.send_row(2)
        assert lost.value.code == "gpu_lost"
    finally:
        server.recorder = whole
    assert server.wait_until_ready(20.0)


@pytest.mark.parametrize(("code", "words"), [(3, "code 3"), (0, "code 0"), (-9, "signal 9"), (-11, "signal 11")])
def test_how_a_server_ended(code: int, words: str) -> None:
    assert describe_exit(code).endswith(words)


@given(in_flight=st.floats(0, 2000), most=st.integers(1, 2000))
def test_connections_that_are_made_beforehand_are_few_and_never_too_many(in_flight: float, most: int) -> None:
    count = connections_ahead(in_flight, most)
    assert 1 <= count <= min(most, 64)
    assert count >= min(most, 64, in_flight)
    assert connections_ahead(in_flight + 1, most) >= count


def test_a_stopwatch_never_has_less_than_no_time() -> None:
    watch = Stopwatch(0.0)
    assert watch.left_s() == 0.0
    assert 0 <= watch.elapsed_s() <= Stopwatch(1e6).left_s()
    assert Stopwatch(1e6).left_s() <= 1e6
