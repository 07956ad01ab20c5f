"""From made-up findings to doubts, demand, recommendation and result."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from plimsoll.host.memory import GroupMemory
from plimsoll.profiling.answer.decision import decide, heavy_bytes, warn_of_bounds
from plimsoll.profiling.answer.grade import grade_reasons
from plimsoll.profiling.answer.profile import build_profile
from plimsoll.profiling.findings import Findings, Problem
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.measure.noise import Spin
from plimsoll.profiling.phases.start import Startup
from support.made_up import MEMORY, findings, level, row_cost, window


def loaded(*windows: Any, rows: int = 20) -> Findings:
    found = findings(rows)
    found.startup = Startup(1.0, 0.5, MEMORY)
    found.census.rows = {index: row_cost(index) for index in range(rows)}
    found.census.memory = MEMORY
    found.warmup.windows = [window()] * 3
    found.capacity.levels = [level(*windows)] if windows else []
    return found


def test_a_clean_run_is_only_not_verified() -> None:
    (reason,) = grade_reasons(loaded(window(), window(), window()))
    assert reason.startswith("not verified")


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"driver_cpu_s": 0.9}, "driver was busy"),
        ({"connections": 2, "cpu_s": 0.039}, "cores that the server may use busy"),
        ({"elsewhere_cores": 1.0}, "other processes"),
        ({"cpu_s": 0.02}, "several cores busy"),
        ({"rate_rps": 200.0, "latency_s": 0.006, "cpu_s": 0.001}, "throughput times latency"),
    ],
)
def test_doubts_about_a_level(spoilt: dict[str, Any], words: str) -> None:
    _, doubt = grade_reasons(loaded(window(**spoilt)))
    assert words in doubt


def test_little_s_law_counts_failures_too() -> None:
    assert level(window(4, 200.0, failures={3: 50})).little_ratio == pytest.approx(1.0)
    assert level(window(1, 2.0, failures={3: 2})).little_ratio is None


def test_other_doubts() -> None:
    found = loaded(window(), rows=3)
    found.census.incomplete = "time for 2 of 3 rows"
    found.warmup.windows = [window(rate_rps=100.0), window(rate_rps=150.0), window(rate_rps=100.0)]
    found.capacity.stopped = "the time was up"
    found.spin_before, found.spin_after = Spin((0.01,), (0.02,)), Spin((0.02,), (0.02,))
    found.peak_unknown = "the kernel does not let it"
    text = "\n".join(grade_reasons(found))
    for words in (
        "2 of 3 rows", "3 distinct", "factor of 1.50", "time was up", "changed by 100%", "50% of the time",
        "does not let it",
    ):  # fmt: skip
        assert words in text


def test_a_warm_up_too_short_to_be_judged() -> None:
    found = loaded(window())
    found.warmup.windows = [window()]
    assert "after 1 of the 3 windows" in grade_reasons(found)[1]


def test_demand_comes_from_the_saturated_levels() -> None:
    """CPU per request: the mean of all windows at the top, not of the cheaper ones below it."""
    found = loaded(window(1, 50.0, cpu_s=0.5))
    found.capacity.levels += [level(window(2), window(2), window(2, cpu_s=0.011)), level(window(4, 98.0))]
    decide(found)
    assert found.cpu is not None
    assert found.cpu.capacity_rps == pytest.approx(100.0)
    assert found.cpu.need_cores == pytest.approx(1.025, rel=0.001)
    assert found.cpu.request_cores == 1.0


def test_failing_rows_are_part_of_the_traffic() -> None:
    found = loaded(window(failures={3: 20}))
    decide(found)
    assert found.cpu is not None
    assert found.cpu.capacity_rps == pytest.approx(100.0)


def test_without_load_only_memory_is_answered() -> None:
    found = loaded()
    decide(found)
    assert found.cpu is None
    assert found.memory is not None
    profile = build_profile(found, 1.0)
    assert profile.recommendation.max_requests_per_second is None
    assert "azureml.recommendedCpu" in profile.unknown


def test_the_heaviest_row_counts_once_per_slot() -> None:
    found = findings(slots=4)
    found.census.memory = MEMORY
    found.census.rows = {0: row_cost(0, peak_bytes=1_000_000), 1: row_cost(1, peak_bytes=30_000_000)}
    assert heavy_bytes(found) == 50_000_000 + 4 * 30_000_000
    found.census.rows = {0: row_cost(0, peak_bytes=None)}
    assert heavy_bytes(found) is None


def test_more_memory_than_allowed_is_a_warning() -> None:
    found = loaded(window())
    found.options = dataclasses.replace(found.options, max_memory_gb=0.1)
    decide(found)
    warn_of_bounds(found)
    assert any("more than the 0.1 GB allowed" in warning for warning in found.warnings)


def test_unknown_peaks_are_null_with_their_reason() -> None:
    found = loaded(window())
    found.peak_unknown = "the kernel does not let it"
    found.census.rows = {0: row_cost(0, peak_bytes=None)}
    profile = build_profile(found, 1.0)
    assert profile.measurements.rows.heaviest[0].peak_memory_bytes is None
    assert profile.unknown["measurements.rows.heaviest.0.peakMemoryBytes"] == "the kernel does not let it"


def test_the_greatest_rise_of_memory_is_among_the_heaviest() -> None:
    found = loaded(window())
    found.census.rows[17] = row_cost(17, peak_bytes=9_000_000)
    heaviest = build_profile(found, 1.0).measurements.rows.heaviest
    assert len(heaviest) == 5
    assert heaviest[-1].row == 18


@pytest.mark.parametrize(("problem", "code"), [(None, 0), (Problem("server_lost", "gone", 3), 3)])
def test_the_exit_code_is_the_problems(problem: Problem | None, code: int) -> None:
    found = loaded(window())
    found.problem = problem
    assert build_profile(found, 1.0).exit_code == code


def test_memory_that_the_kernel_does_not_tell_is_null_with_its_reason() -> None:
    nothing = GroupMemory(0, 0, 0, 0, 0, 0, 0)
    found = loaded(window())
    found.memory_unknown = "the kernel does not tell"
    found.startup = Startup(1.0, 0.5, TreeMemory(nothing, {}))
    found.census.memory = TreeMemory(nothing, {})
    found.capacity.levels = [dataclasses.replace(entry, memory=found.census.memory) for entry in found.capacity.levels]
    decide(found)
    assert found.memory is None
    profile = build_profile(found, 1.0)
    assert profile.measurements.memory.peak_bytes is None
    assert profile.measurements.concurrency_levels[0].memory.pss_bytes is None
    for path in ("recommendation.memory", "measurements.memory.peakBytes", "measurements.startup.readyMemoryBytes",
                 "azureml.recommendedMemoryInGB", "measurements.concurrencyLevels.0.memory.peakBytes"):  # fmt: skip
        assert profile.unknown[path] == "the kernel does not tell"
