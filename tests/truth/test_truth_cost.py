"""CPU of known cost: what the profile says against what is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from truth_quota import fits_the_model
from truth_servers import BIMODAL, BURN_10_MS, MATRICES, SLEEP_20_MS, run, worker_cpu_s

from plimsoll.profiling.result.profile import Profile
from support.patience import best_of_three, folders_below

pytestmark = pytest.mark.truth
ROWS = [f"row {number}" for number in range(12)]


def is_disturbed(result: Profile) -> bool:
    """By what it says of itself: a neighbour took CPU from what was measured."""
    return any("disturbed" in reason for reason in result.grade_reasons)


def test_ten_milliseconds_of_cpu(tmp_path: Path, enter: Callable[..., None], note: Callable[[str], None]) -> None:
    folders = folders_below(tmp_path)

    def measure() -> None:
        folder = next(folders)
        result = run(folder / "burn", BURN_10_MS, ROWS, 45.0)
        enter("CPU per request, constant", 10.0, worker_cpu_s(result) * 1000, "ms", 0.05)
        cpu = result.recommendation.cpu
        assert cpu is not None
        point = result.recommendation.operating_point
        assert point is not None
        rate_rps = point.requests_per_second
        fits_the_model(cpu.limit_cores, worker_cpu_s(result), rate_rps)
        assert worker_cpu_s(result) * rate_rps < cpu.request_cores <= cpu.limit_cores
        assert result.grade == "verified" or is_disturbed(result), result.grade_reasons
        # The driver's cost is known and apart.
        driver_s = result.processes.driver.cpu_seconds_per_request
        assert driver_s is not None
        assert driver_s * 100 < 0.1, "of a core at 100 requests a second"
        # Servers start and end besides, four times as slowly where others want the CPUs too.
        assert result.elapsed_seconds < (90 if is_disturbed(result) else 60)
        note(f"quick answer after {result.elapsed_seconds:.1f} s, grade {result.grade}, {cpu.limit_cores:g} cores")

    best_of_three(measure)


def test_two_kinds_of_rows(tmp_path: Path, enter: Callable[..., None]) -> None:
    folders = folders_below(tmp_path)

    def measure() -> None:
        folder = next(folders)
        result = run(folder / "bimodal", BIMODAL, ["light", "light", "light", "heavy"], 12.0)
        enter("CPU per request, 2 ms and every fourth 30 ms", 9.0, worker_cpu_s(result) * 1000, "ms", 0.05)
        heaviest = result.measurements.rows.heaviest[0]
        assert heaviest.row == 4
        enter("CPU of the heavy row alone", 30.0, heaviest.cpu_seconds * 1000, "ms", 0.1)

    best_of_three(measure)


def test_a_model_that_waits_needs_hardly_any_cpu(tmp_path: Path, enter: Callable[..., None]) -> None:
    folders = folders_below(tmp_path)

    def measure() -> None:
        folder = next(folders)
        result = run(folder / "sleep", SLEEP_20_MS, ROWS, 12.0)
        assert result.recommendation.cpu is not None
        assert result.recommendation.cpu.request_cores <= 0.1
        level = result.measurements.concurrency_levels[0]
        enter(
            "rate of one slot that sleeps 20 ms",
            50.0,
            level.requests_per_second,
            "1/s",
            0.25 if is_disturbed(result) else 0.07,
        )

    best_of_three(measure)


@pytest.mark.calibration
def test_matrices_take_all_cores_they_see_and_are_tried_on_fewer(tmp_path: Path, note: Callable[[str], None]) -> None:
    pytest.importorskip("numpy")
    result = run(tmp_path / "matrices", MATRICES, ROWS, 45.0)
    levels = result.measurements.cpu_levels
    if result.host.usable_cores < 2:
        pytest.skip("one core only")
    assert [level.cpus for level in levels][:1] == [1.0]
    assert levels[0].cores_used.mean < 1.1
    assert sum(level.chosen for level in levels) == 1
    assert result.recommendation.environment["OMP_NUM_THREADS"]
    steps = ", ".join(f"{level.cpus:g}: {level.requests_per_second:.1f}/s" for level in levels)
    note(f"matrices on so many CPUs: {steps}; chosen {next(level.cpus for level in levels if level.chosen):g}")
