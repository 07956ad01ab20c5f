"""Whatever phases have been run: the profile is whole, comes back as it was, and has a reason for every null."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from plimsoll.profiling.advice.batching import BatchUse
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.findings import Findings, Surroundings
from plimsoll.profiling.measure.timeline import Moment, Recorder
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.preflight import Ceiling
from plimsoll.profiling.phases.warmup import judge_warmup
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.result.growth import GrowthResult
from plimsoll.profiling.result.profile import Profile, ProfileError
from support.made_up import MEMORY, STARTUP, census, findings, level, operated, rate_level, row_cost, window, written_of
from support.profile_runs import unexplained

# An example takes a tenth of a second: hundreds of them, only to find a smaller one, would take minutes.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)

PLAN = Plan(45.0, 1.0, True, False)
BATCHES = dataclasses.replace(level(window(1, 100.0)), batches=BatchUse(16, 10, 10, 10, 0.1))
# What each phase may have left; the first entry is always "nothing".
PHASES: dict[str, list[Any]] = {
    "plan": [
        None,
        PLAN,
        dataclasses.replace(PLAN, verify=False),
        Plan(5.0, 1.0, True, True, elastic=True, search=True),
    ],
    "startup": [None, STARTUP],
    "ceiling": [None, Ceiling(20_000.0, 40e-6)],
    "census": [
        census(),
        census(row_cost(0), memory=MEMORY, first_request=row_cost(0)),
        census(row_cost(0, peak_bytes=None), row_cost(1, "500"), row_cost(2, "timeout")),
        census(row_cost(0, "500")),
    ],
    "warmup": [None, judge_warmup([window()] * 3), judge_warmup([window(), window(1, 50.0)])],
    "capacity": [
        Capacity(),
        Capacity((level(window(1, 100.0)),)),
        Capacity((level(window(1, 3.0)), level(window(2, 200.0, failures={0: 150})))),
        Capacity((BATCHES,), stopped="the time was up"),
    ],
    "growth": [
        GrowthResult(),
        GrowthResult(verdict="none", bytes_per_1000_requests=1.0, readings=12, requests=900),
        GrowthResult(verdict="unresolved", readings=3, requests=0),
    ],
    "timeline": [Recorder(), Recorder([Moment(1.0, 0.5, 10**7, 0.9)], [("start", 0.0)])],
    "surroundings": [
        Surroundings(),
        Surroundings(peak_unknown="no clear_refs"),
        Surroundings(memory_unknown="no smaps_rollup"),
    ],
    "problem": [
        None,
        ProfileError(code="interrupted", message="it was interrupted", exit_code=130),
        ProfileError(code="rows_failed", message="1 of 3 rows failed", exit_code=4),
    ],
}
FOUND = st.fixed_dictionaries({name: st.sampled_from(results) for name, results in PHASES.items()})
OPTIONS = st.fixed_dictionaries(
    {
        "target_rps": st.none() | st.just(150.0),
        "max_cpu_cores": st.none() | st.just(0.5),
        "max_memory_gb": st.none() | st.just(0.1),
        "slo": st.none() | st.just(Slo(0.95, 0.05)),
    }
)


def made(found: dict[str, Any], options: dict[str, Any], rate: bool) -> Findings:
    """The open loop is only run where there was a level before it."""
    levels: dict[str, Any] = {"open_loop": operated(rate_level())} if rate and found["capacity"].levels else {}
    return findings(options=options, **found, **levels)


@settings(deadline=None, max_examples=15, phases=WITHOUT_SHRINKING)
@given(FOUND, OPTIONS, st.booleans())
def test_every_null_has_its_reason_whichever_phases_were_run(
    found: dict[str, Any], options: dict[str, Any], rate: bool
) -> None:
    profile = written_of(made(found, options, rate))
    text = profile.model_dump_json(by_alias=True)
    content = json.loads(text)
    assert Profile.model_validate_json(text) == profile
    assert set(unexplained(content)) <= {"settings.serverArguments"}, "none were given"
    assert all(content["unknown"].values()), "no reason is empty"
    assert all(is_null(content, path) for path in content["unknown"]), "and none is given for what is known"


def is_null(content: Any, path: str) -> bool:
    for part in path.split("."):
        content = content[int(part)] if isinstance(content, list) else content[part]
    return content is None or content in ([], {})


@settings(deadline=None, max_examples=8, phases=WITHOUT_SHRINKING)
@given(FOUND, OPTIONS, st.booleans())
def test_the_block_for_azure_says_the_same_as_the_rest(
    found: dict[str, Any], options: dict[str, Any], rate: bool
) -> None:
    profile = written_of(made(found, options, rate))
    azure, advice, measured = profile.azureml, profile.recommendation, profile.measurements
    assert azure.recommended_cpu == (advice.cpu.limit_cores if advice.cpu else None)
    assert azure.recommended_memory_in_gb == (advice.memory.request_bytes / 1e9 if advice.memory else None)
    peak_bytes = measured.memory.peak_bytes
    assert azure.max_utilized_memory_in_gb == (None if peak_bytes is None else peak_bytes / 1e9)
    assert azure.requested_queries_per_second == options["target_rps"]
    if azure.total_queries:
        assert azure.success_rate == (azure.success_queries or 0) / azure.total_queries
    else:
        assert azure.success_rate is azure.success_queries is None
    if advice.operating_point is not None:
        assert 0 < advice.operating_point.utilisation <= 1
        assert advice.max_requests_per_second is not None
        assert advice.operating_point.requests_per_second <= advice.max_requests_per_second * (1 + 1e-5)
    assert (advice.replicas is None) == (options["target_rps"] is None or advice.cpu is None)


@pytest.mark.parametrize(
    ("code", "loaded", "state"),
    [(None, True, "Succeeded"), ("rows_failed", True, "Succeeded"), ("rows_failed", False, "Failed"),
     ("interrupted", True, "Failed")],
)  # fmt: skip
def test_failed_rows_alone_leave_an_answer(code: str | None, loaded: bool, state: str) -> None:
    problem = ProfileError(code=code, message="m", exit_code=4) if code else None
    capacity = Capacity((level(window(1, 100.0)),) if loaded else ())
    profile = written_of(findings(startup=STARTUP, capacity=capacity, problem=problem))
    assert profile.state == state
    assert profile.exit_code == (4 if code else 0)


def test_what_was_asked_for_and_what_it_ran_on_are_written() -> None:
    options = {"budget_s": 45.0, "seed": 77, "name": "n", "description": "d", "workers": 3, "max_cpu_cores": 2.0}
    profile = written_of(findings(rows=5, options=options, ceiling=Ceiling(20_000.0, 40e-6)))
    assert (profile.name, profile.description, profile.driver.seed) == ("n", "d", 77)
    assert (profile.settings.budget_seconds, profile.settings.workers, profile.settings.max_cpu_cores) == (45.0, 3, 2.0)
    assert (profile.driver.most_requests_per_second, profile.driver.cpu_seconds_per_request) == (20_000.0, 40e-6)
    assert profile.driver.request_timeout_seconds == 15.0
    assert (profile.host.logical_cpus, profile.host.usable_cores, profile.host.server_cpus) == (4, 4.0, None)
    assert (profile.dataset.rows, profile.dataset.bytes, profile.dataset.largest_bytes) == (5, 5, 1)
    assert profile.dataset.content_types == {"application/json": 5}


def test_a_reason_that_stopped_the_run_is_given_for_all_that_came_after() -> None:
    problem = ProfileError(code="server_lost", message="the server was killed by signal 9", exit_code=3)
    profile = written_of(findings(startup=STARTUP, problem=problem))
    reasons = {path for path, why in profile.unknown.items() if why == problem.message}
    assert {"recommendation.cpu", "measurements.request.cpuSeconds.mean", "azureml.averageLatencyInMs"} <= reasons
    assert not any(path.startswith("settings.") for path in reasons), "what was not asked for is not lost"


@pytest.mark.parametrize(
    ("options", "path", "word"),
    [
        ({}, "recommendation.replicas", "target rate"),
        ({}, "measurements.operatingLevel.sloMet", "no SLO"),
        ({"slo": Slo(0.999, 0.02)}, "measurements.operatingLevel.sloMet", "too few"),
        ({}, "azureml.requestedQueriesPerSecond", "target rate"),
        ({}, "settings.maxCpuCores", "not given"),
        ({}, "measurements.batchFit", "one call"),
        ({}, "measurements.growth.verdict", "not run"),
        ({}, "azureml.latencyPercentile999InMs", "2995"),
    ],
)
def test_a_reason_is_that_of_its_own_null(options: dict[str, Any], path: str, word: str) -> None:
    found = findings(
        options=options,
        startup=STARTUP,
        capacity=Capacity((level(window(1, 100.0)),)),
        open_loop=operated(rate_level()),
    )
    assert word in written_of(found).unknown[path]
