"""From made-up findings to doubts, demand, recommendation and result."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from plimsoll.host.memory import GroupMemory
from plimsoll.profiling.answer.decision import decide, heavy_bytes, warnings_of_bounds
from plimsoll.profiling.answer.grade import grade_reasons
from plimsoll.profiling.findings import Findings, Surroundings
from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.phases.warmup import judge_warmup
from plimsoll.profiling.result.profile import ProfileError
from support.made_up import MEMORY, STARTUP, census, findings, level, row_cost, setup, window, written_of

NO_GPU = GpuVerdict([], None)


def loaded(*windows: Any, rows: int = 20) -> Findings:
    return findings(
        rows,
        startup=STARTUP,
        census=census(*(row_cost(index) for index in range(rows)), memory=MEMORY),
        warmup=judge_warmup([window()] * 3),
        capacity=Capacity((level(*windows),) if windows else ()),
    )


def test_a_clean_run_is_only_not_verified() -> None:
    (reason,) = grade_reasons(loaded(window(), window(), window()), NO_GPU)
    assert reason.startswith("not verified")


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"driver_cpu_s": 0.9}, "driver was busy"),
        ({"elsewhere_cores": 1.0}, "other processes"),
        ({"cpu_s": 0.02}, "several cores busy"),
        ({"rate_rps": 200.0, "latency_s": 0.006, "cpu_s": 0.001}, "throughput times latency"),
    ],
)
def test_doubts_about_a_level(spoilt: dict[str, Any], words: str) -> None:
    _, doubt = grade_reasons(loaded(window(**spoilt)), NO_GPU)
    assert words in doubt


def test_a_peak_with_no_cpu_left_is_no_doubt() -> None:
    """Where a request costs CPU, that is what a peak throughput is."""
    found = loaded(window(2, cpu_s=0.039))
    assert [reason for reason in grade_reasons(found, NO_GPU) if "busy" in reason] == []
    stopped = written_of(found).driver.capacity_stopped
    assert stopped == "not run; the load kept all of the 4 cores busy that the server may use"
    assert written_of(loaded(window())).driver.capacity_stopped == "not run"


def test_little_s_law_counts_failures_too() -> None:
    assert level(window(4, 200.0, failures={3: 50})).result.little_ratio == pytest.approx(1.0)
    assert level(window(1, 2.0, failures={3: 2})).result.little_ratio is None


def test_other_doubts() -> None:
    found = loaded(window(), rows=3)
    found = dataclasses.replace(
        found,
        census=dataclasses.replace(found.census, incomplete="time for 2 of 3 rows"),
        warmup=judge_warmup([window(rate_rps=rate_rps) for rate_rps in (100.0, 125.0, 150.0)]),
        capacity=found.capacity.without_more("the time was up"),
        surroundings=Surroundings(peak_unknown="the kernel does not let it"),
    )
    text = "\n".join(grade_reasons(found, NO_GPU))
    for words in (
        "2 of 3 rows", "3 distinct", "still drifted by over 10 %", "time was up", "does not let it",
    ):  # fmt: skip
        assert words in text


def test_a_warm_up_too_short_to_be_judged() -> None:
    found = dataclasses.replace(loaded(window()), warmup=judge_warmup([window()]))
    assert "after 1 of the 3 windows" in grade_reasons(found, NO_GPU)[1]


def test_demand_comes_from_the_saturated_levels() -> None:
    """CPU per request: the mean of all windows at the top, not of the cheaper ones below it."""
    levels = (level(window(2), window(2), window(2, cpu_s=0.011)), level(window(4, 98.0)))
    found = loaded(window(1, 50.0, cpu_s=0.5))
    found = dataclasses.replace(found, capacity=Capacity((*found.capacity.levels, *levels)))
    cpu = decide(found).recommended.cpu
    assert cpu is not None
    assert cpu.capacity_rps == pytest.approx(100.0)
    assert cpu.need_cores == pytest.approx(1.025, rel=0.001)
    assert cpu.cores.request_cores == 1.0


def test_failing_rows_are_part_of_the_traffic() -> None:
    cpu = decide(loaded(window(failures={3: 20}))).recommended.cpu
    assert cpu is not None
    assert cpu.capacity_rps == pytest.approx(100.0)


def test_without_load_only_memory_is_answered() -> None:
    found = loaded()
    recommended = decide(found).recommended
    assert recommended.cpu is None
    assert recommended.memory is not None
    profile = written_of(found)
    assert profile.recommendation.max_requests_per_second is None
    assert "azureml.recommendedCpu" in profile.unknown


def test_the_heaviest_row_counts_once_per_slot() -> None:
    rows = (row_cost(0, peak_bytes=1_000_000), row_cost(1, peak_bytes=30_000_000))
    assert heavy_bytes(findings(slots=4, census=census(*rows, memory=MEMORY))) == 50_000_000 + 4 * 30_000_000
    assert heavy_bytes(findings(slots=4, census=census(row_cost(0, peak_bytes=None), memory=MEMORY))) is None


def test_more_memory_than_allowed_is_a_warning() -> None:
    found = loaded(window())
    found = dataclasses.replace(found, setup=setup(max_memory_gb=0.1))
    warnings = list(warnings_of_bounds(found, decide(found)))
    assert any("more than the 0.1 GB allowed" in warning for warning in warnings)


def test_unknown_peaks_are_null_with_their_reason() -> None:
    found = dataclasses.replace(
        loaded(window()),
        surroundings=Surroundings(peak_unknown="the kernel does not let it"),
        census=census(row_cost(0, peak_bytes=None), memory=MEMORY),
    )
    profile = written_of(found)
    assert profile.measurements.rows.heaviest[0].peak_memory_bytes is None
    assert profile.unknown["measurements.rows.heaviest.0.peakMemoryBytes"] == "the kernel does not let it"


def test_the_greatest_rise_of_memory_is_among_the_heaviest() -> None:
    rows = (row_cost(index, peak_bytes=9_000_000 if index == 17 else 0) for index in range(20))
    found = dataclasses.replace(loaded(window()), census=census(*rows, memory=MEMORY))
    heaviest = written_of(found).measurements.rows.heaviest
    assert len(heaviest) == 5
    assert heaviest[-1].row == 18


@pytest.mark.parametrize(
    ("problem", "code"), [(None, 0), (ProfileError(code="server_lost", message="gone", exit_code=3), 3)]
)
def test_the_exit_code_is_the_problems(problem: ProfileError | None, code: int) -> None:
    found = dataclasses.replace(loaded(window()), problem=problem)
    assert written_of(found).exit_code == code


def test_memory_that_the_kernel_does_not_tell_is_null_with_its_reason() -> None:
    nothing, found = TreeMemory(GroupMemory(0, 0, 0, 0, 0, 0, 0), {}), loaded(window())
    found = dataclasses.replace(
        found,
        surroundings=Surroundings(memory_unknown="the kernel does not tell"),
        startup=Startup(1.0, 0.5, nothing),
        census=dataclasses.replace(found.census, memory=nothing),
        capacity=Capacity(tuple(dataclasses.replace(one, memory=nothing) for one in found.capacity.levels)),
    )
    assert decide(found).recommended.memory is None
    profile = written_of(found)
    assert profile.measurements.memory.peak_bytes is None
    assert profile.measurements.concurrency_levels[0].memory.pss_bytes is None
    for path in ("recommendation.memory", "measurements.memory.peakBytes", "measurements.startup.readyMemoryBytes",
                 "azureml.recommendedMemoryInGB", "measurements.concurrencyLevels.0.memory.peakBytes"):  # fmt: skip
        assert profile.unknown[path] == "the kernel does not tell"
