"""Small decisions: placement, order of the census, levels, extra windows, noise, and roles of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_up import findings

from plimsoll.host.groups import LimitsUnavailable, delegate
from plimsoll.host.processes import ProcessTree
from plimsoll.profiling.answer.grade import grade_reasons
from plimsoll.profiling.dataset.sampling import visiting_order
from plimsoll.profiling.measure.meter import FRONT, ServerMeter
from plimsoll.profiling.measure.noise import Spin, drift, read_cpu_use, spin
from plimsoll.profiling.measure.placement import Placement, place
from plimsoll.profiling.phases.capacity import connection_counts
from plimsoll.profiling.phases.growth import extra_seconds
from plimsoll.profiling.result.base import camel


@pytest.mark.parametrize(
    ("allowed", "max_cores", "placement"),
    [
        ((0,), None, Placement(None, None)),
        ((0, 1), None, Placement(None, None)),
        ((0, 1), 1.0, Placement((0,), None)),
        ((0, 1), 1.5, Placement(None, None)),
        ((2, 3, 6, 7), None, Placement((2, 3, 6), (7,))),
        ((2, 3, 6, 7), 1.5, Placement((2, 3), (7,))),
        ((0, 1), 0.1, Placement((0,), None)),
    ],
)
def test_who_runs_where(allowed: tuple[int, ...], max_cores: float | None, placement: Placement) -> None:
    assert place(allowed, max_cores) == placement


def test_the_census_begins_with_the_biggest_and_spreads() -> None:
    sizes = [10, 500, 20, 300, 40]
    order = list(visiting_order(sizes))
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert order[:2] == [1, 0]
    assert list(visiting_order([7])) == [0]


def test_levels_double_and_are_few_for_slow_models() -> None:
    assert list(connection_counts(slots=4, latency_s=0.1))[:5] == [1, 2, 4, 8, 16]
    assert list(connection_counts(slots=4, latency_s=3.0)) == [1, 4, 8]
    assert list(connection_counts(slots=1, latency_s=3.0)) == [1, 2]
    assert list(connection_counts(2, 0.1, 16)) == [1, 4, 16, 64]
    assert list(connection_counts(1, 0.1, 5)) == [1, 4, 10]
    assert list(connection_counts(2, 3.0, 8)) == [1, 2, 32]
    assert list(connection_counts(1, 0.1, most=100)) == [1, 2, 4, 8, 16, 32, 64, 100]
    assert list(connection_counts(8, 0.1, 64, most=100)) == [1, 4, 16, 64, 100]
    assert list(connection_counts(8, 3.0, 64, most=100)) == [1, 8, 100]


@pytest.mark.parametrize(
    ("successes", "rate_rps", "left_s", "seconds"),
    [
        (300, 10.0, 60.0, None),
        (199, 10.0, 60.0, 11.0),
        (49, 10.0, 5.0, 1.1),
        (49, 10.0, 60.0, 27.5),
        (49, 10.0, 0.5, None),
        (100, 1.0, 60.0, None),
    ],
)
def test_extra_time_is_spent_only_where_it_buys_a_percentile(
    successes: int, rate_rps: float, left_s: float, seconds: float | None
) -> None:
    assert extra_seconds(successes, rate_rps, left_s) == (None if seconds is None else pytest.approx(seconds))


def test_noise_is_seen() -> None:
    calm, slowed = Spin((0.010, 0.011), (0.010, 0.011)), Spin((0.012, 0.013), (0.024, 0.026))
    assert drift(calm, slowed) == pytest.approx(0.2)
    assert calm.stolen_share == 0.0
    assert slowed.stolen_share == pytest.approx(0.5)
    assert 0 < spin().fastest_cpu_s < 1
    before = read_cpu_use()
    end_s = time.process_time() + 0.2
    while time.process_time() < end_s:
        pass
    after = read_cpu_use()
    assert after.own_s - before.own_s >= 0.2
    assert after.busy_s - before.busy_s >= 0.15


def test_names_in_json() -> None:
    assert camel("max_utilized_memory_in_gb") == "maxUtilizedMemoryInGB"
    assert camel("latency_percentile_999_in_ms") == "latencyPercentile999InMs"


@pytest.fixture
def family(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process with a plain child and a child that is called like a model worker and has a child of its own."""
    (tmp_path / "sleeper.py").write_text("import time; time.sleep(60)")
    (tmp_path / "worker.py").write_text(
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, {str(tmp_path / 'sleeper.py')!r}])\n"
        "print('up', flush=True); time.sleep(60)"
    )
    source = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, {str(tmp_path / 'sleeper.py')!r}])\n"
        f"subprocess.Popen([sys.executable, {str(tmp_path / 'worker.py')!r}, 'plimsoll.workers.main'])\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield process
    ProcessTree(process.pid).end(0.2, process.poll)
    process.stdout.close()


def test_a_workers_children_belong_to_it_and_all_else_to_the_front(family: subprocess.Popen[str]) -> None:
    meter = ServerMeter(ProcessTree(family.pid))
    meter.refresh()
    assert sorted(role for _, role in meter._members) == [FRONT, FRONT, "worker 0", "worker 0"]
    memory = meter.memory()
    assert set(memory.roles) == {FRONT, "worker 0"}
    assert memory.total.pss_bytes == sum(part.pss_bytes for part in memory.roles.values())
    assert memory.total.held_bytes < sum(part.held_bytes for part in memory.roles.values())
    assert set(meter.cpu_ns()) == {FRONT, "worker 0"}


def test_a_quota_that_stopped_us_is_a_doubt() -> None:
    found = findings()
    assert not [reason for reason in grade_reasons(found) if "quota" in reason]
    found.throttled_s = 3.21
    assert [reason for reason in grade_reasons(found) if "for 3.2 s" in reason]


def test_throttling_is_seen_from_inside() -> None:
    source = (
        "import time; from plimsoll.profiling.measure.noise import throttled_s\n"
        "before, end = throttled_s(), time.monotonic() + 1\n"
        "while time.monotonic() < end: pass\n"
        "print(throttled_s() - before)"
    )
    try:
        with delegate() as delegation, delegation.group(f"plimsoll-{os.getpid()}-throttled") as group:
            group.limit_cpu(0.2)
            doors = [os.open(door, os.O_WRONLY) for door in group.doors]
            done = subprocess.run(
                [sys.executable, "-c", source],
                preexec_fn=lambda: [os.write(door, b"0") for door in doors],
                capture_output=True,
                text=True,
                check=True,
            )
            assert 0.1 < float(done.stdout) < 1.5
    except LimitsUnavailable as reason:
        pytest.skip(f"no limits here: {reason}")
