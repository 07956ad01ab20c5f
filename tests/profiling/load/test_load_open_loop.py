"""The open loop against a little server: instants, latency from the instant due, stalls, and rates too high to last."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.dataset.rows import TEXT_TYPE, Row
from plimsoll.profiling.load.client import DriverClient, RateAnswer
from plimsoll.profiling.load.loops import Arrivals
from plimsoll.profiling.measure.server import connections_ahead
from plimsoll.profiling.phases.open_loop import in_flight_cap, seconds_for
from plimsoll.profiling.phases.preflight import measure_ceiling
from plimsoll.profiling.statistics import slope_interval
from support.little_server import little_server
from support.patience import best_of_three
from support.profile_runs import Notes


@contextmanager
def driver_for(folder: Path, *bodies: str, timeout_s: float = 5.0) -> Iterator[DriverClient]:
    (folder / "rows.txt").write_text("\n".join(bodies))
    with little_server() as server, DriverClient(folder / "driver.log", None) as driver:
        driver.open(load_dataset(folder / "rows.txt").rows, server.server_address[1], timeout_s, seed=1)
        yield driver


def rate(driver: DriverClient, rate_rps: float, seconds: float, cap: int = 200) -> RateAnswer:
    return driver.rate(Arrivals(rate_rps, seconds, 1, cap), connections=8, most_connections=cap, on_tick=lambda: None)


def test_arrivals_are_poisson_and_the_same_for_the_same_seed() -> None:
    offsets = Arrivals(100.0, 50.0, 1, 10).offsets_ns()
    assert offsets == Arrivals(100.0, 50.0, 1, 10).offsets_ns()
    assert offsets != Arrivals(100.0, 50.0, 2, 10).offsets_ns()
    assert len(offsets) == 5000
    assert 0 < offsets[0] < offsets[-1] < 50_000_000_000
    gaps = [after - before for before, after in itertools.pairwise(offsets)]
    long = sum(gap > 10_000_000 for gap in gaps) / len(gaps)
    assert long == pytest.approx(0.368, abs=0.03), "exponential: 1/e of the gaps are longer than the mean"
    assert len(Arrivals(0.001, 1.0, 1, 10).offsets_ns()) == 1


def test_every_request_is_sent_at_its_instant(tmp_path: Path) -> None:
    with driver_for(tmp_path, "sleep 0.02") as driver:

        def measure() -> None:
            answer = rate(driver, 40.0, 2.0)
            assert answer.load.requests == answer.load.successes == answer.offered
            assert not answer.overrun
            late_s = answer.lateness.percentile_s(0.5)
            assert late_s is not None
            assert late_s < 0.001
            median_s = answer.load.latency.percentile_s(0.5)
            assert median_s is not None
            assert 0.020 <= median_s < 0.030

        best_of_three(measure)


def test_requests_overlap_where_the_server_lets_them(tmp_path: Path) -> None:
    """Little: 60 requests a second of 0.2 s are twelve in flight, more than the connections made beforehand."""
    with driver_for(tmp_path, "sleep 0.2") as driver:

        def measure() -> None:
            answer = rate(driver, 60.0, 2.0)
            assert answer.load.successes == answer.offered
            assert answer.most_in_flight > 8
            steady = answer.in_flight[5:]
            assert sum(steady) / len(steady) == pytest.approx(12, rel=0.35)

        best_of_three(measure)


def test_what_piles_up_to_the_cap_ends_the_stretch(tmp_path: Path) -> None:
    with driver_for(tmp_path, "sleep 0.5") as driver:
        begun_s = time.monotonic()
        answer = rate(driver, 100.0, 10.0, cap=20)
    assert answer.overrun
    assert answer.load.requests < answer.offered
    assert time.monotonic() - begun_s < 9, "not until the end of the stretch"


def test_failures_and_timeouts_are_counted(tmp_path: Path) -> None:
    with driver_for(tmp_path, "status 500", "sleep 30", timeout_s=0.3) as driver:
        answer = rate(driver, 20.0, 1.0)
    assert set(answer.load.outcomes) == {"500", "timeout"}
    assert answer.load.successes == 0


@pytest.mark.parametrize(("rate_rps", "slots", "cap"), [(100.0, 1, 300), (1.0, 1, 8), (1.0, 8, 32), (9000.0, 1, 1024)])
def test_the_cap_is_what_arrives_in_three_seconds(rate_rps: float, slots: int, cap: int) -> None:
    assert in_flight_cap(rate_rps, slots) == cap


@pytest.mark.parametrize(
    ("in_flight", "most", "count"), [(0.0, 1024, 8), (1.2, 1024, 12), (5.0, 1024, 38), (500.0, 1024, 64), (5.0, 6, 6)]
)
def test_connections_ahead_suffice_for_all_but_the_tail(in_flight: float, most: int, count: int) -> None:
    """M/M/1: an arrival finds n or more in flight with probability utilisation to the power of n."""
    assert connections_ahead(in_flight, most) == count
    utilisation = in_flight / (1 + in_flight)
    assert count == min(most, 64) or utilisation**count <= 0.001


@pytest.mark.parametrize(
    ("rate_rps", "usual_s", "left_s", "seconds"),
    [(1000.0, 4.0, 10.0, 4.0), (50.0, 4.0, 10.0, 6.877), (10.0, 4.0, 10.0, 6.785), (1.0, 4.0, 10.0, 4.0)],
)
def test_a_level_lasts_longer_where_that_buys_a_percentile(
    rate_rps: float, usual_s: float, left_s: float, seconds: float
) -> None:
    assert seconds_for(rate_rps, usual_s, left_s) == pytest.approx(seconds, abs=0.001)


def test_a_slope_and_its_interval() -> None:
    exact = slope_interval([(x, 3.0 * x + 1.0) for x in range(10)])
    assert exact == pytest.approx((3.0, 3.0, 3.0))
    flat = slope_interval([(x, (-1.0) ** x) for x in range(20)])
    assert flat is not None
    assert flat[0] < 0 < flat[2]
    assert slope_interval([(1.0, 1.0)] * 4) is None


def test_the_drivers_own_limit_is_measured(tmp_path: Path) -> None:
    rows = [Row(number, b"x" * 200, TEXT_TYPE) for number in range(1, 5)]
    with DriverClient(tmp_path / "driver.log", None) as driver:
        ceiling = measure_ceiling(driver, rows, 1, Notes())
    assert ceiling is not None
    # Some 10,000 a second where the machine has nothing else to do.
    assert ceiling.most_rps > 200
    assert 0 < ceiling.cpu_per_request_s < 1 / 200
    assert [child for child in psutil.Process().children() if "plimsoll.profiling.load.noop" in child.cmdline()] == []
