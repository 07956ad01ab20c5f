"""Trials inside limits: real ones on the real server, what they prove, steps up, and profiles tried out later."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plimsoll.errors import UsageError
from plimsoll.host.cgroups.groups import GroupUse, LimitsUnavailable, delegate
from plimsoll.host.cpus import Host
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.answer.grade import grade, heavily_disturbed, verification_reason
from plimsoll.profiling.measure.server import Load
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.result.files import read_profile
from plimsoll.profiling.result.verification import Kind, Limits, Method, Verification
from plimsoll.profiling.reverify import is_inside, verify_profile
from plimsoll.profiling.run import profile
from plimsoll.profiling.trials.judgement import Cause, Failure, Reference
from plimsoll.profiling.trials.proof import next_size
from plimsoll.profiling.trials.trial import Loaded, Trial, made_trial, rehearse
from plimsoll.profiling.trials.verify import Trials, step_up
from support.made_up import (
    STARTUP,
    census,
    cpu_of,
    findings,
    level,
    memory_of_size,
    rate_level,
    row_cost,
    window,
    written_of,
)
from support.profile_runs import ECHO, Notes, options_for, unexplained, written

REFERENCE = Reference(50.0, 4.0, 1, 0.020, 0.020, 0.030, 50.0, 0, 1.0, 0.8)
CPU = cpu_of(1.0, carries_rps=66.0, need_cores=0.95)
MEMORY_ANSWER = memory_of_size(200_000_000, 100_000_000, 100_000_000)
RECOMMENDED = Recommended(Configuration(1), CPU, MEMORY_ANSWER)
LIMITS = Limits(cpu_cores=1.0, memory_bytes=200_000_000)
BURN = """
import time
def init(): pass
def run(data):
    end = time.thread_time() + 0.005
    while time.thread_time() < end: pass
    return data
"""


def made(
    kind: Kind = "limit", failed: Cause | None = None, *, latency_s: float = 0.020, loaded: bool = True, **more: Any
) -> Trial:
    """Four seconds of load under one core, which took so long for each request."""
    failures = (Failure(failed, "p95 was bad"),) if failed else ()
    load = Loaded(rate_level(latency_s=latency_s), more.pop("load_use", None), failures, False) if loaded else None
    more = {"weight_cores": 0.5 if kind == "request" else None} | more
    return made_trial(kind, more.pop("limits", LIMITS), failures, load, **more)


def trials(method: Method, *all_of_them: Trial, alone: str | None = None) -> Trials:
    attempts = tuple(trial.attempt for trial in all_of_them)
    return Trials(method, REFERENCE, RECOMMENDED, "read-only", attempts, why_no_competitor=alone)


def verified_by(method: Method, *all_of_them: Trial, alone: str | None = None) -> Verification:
    found = trials(method, *all_of_them, alone=alone).result
    assert found is not None
    return found


def test_what_is_proved_by_which_trials() -> None:
    limit, request = made(), made("request")
    assert verified_by("cgroup v1", limit, request).passed
    assert verified_by("cgroup v1", made(failed="cpu"), limit, request).passed, "the last ones count"
    assert not verified_by("cgroup v1", limit, made("request", failed="cpu")).passed
    assert not verified_by("cgroup v1", limit).passed, "the request was not tried"
    assert verified_by("cgroup v1", limit, alone="it is the whole machine").passed
    refuted = made("request", failed="cpu")
    raised = verified_by(
        "cgroup v1", limit, refuted, alone="raised to the whole machine: what held in less holds in it"
    )
    assert raised.passed
    short = made("request", failed="cpu", limits=Limits(cpu_cores=1.0, memory_bytes=100_000_000))
    before = made(limits=Limits(cpu_cores=1.0, memory_bytes=100_000_000))
    assert not verified_by("cgroup v1", before, short, alone="raised, and so was the memory").passed
    assert raised.request_cores is raised.evidence.full_node_p95_seconds is None, "that was with less"
    assert "a request of 0.5 cores was too small" in verification_reason(raised)
    assert not verified_by("cgroup v1", made(loaded=False), alone="no group").passed, "without load nothing is shown"


def test_a_search_alone_verifies_nothing() -> None:
    assert trials("cgroup v1").result is trials("cgroup v1", made("search")).result is None
    assert findings(trials=trials("cgroup v1", made("search"))).verification is None


def test_a_trial_is_written_as_it_was() -> None:
    """Throttling is that of the load, OOM kills and peak those since the start of the server."""
    whole, under_load = GroupUse(1, 90_000_000, 80, 20, 1.0), GroupUse(0, 90_000_000, 40, 4, 0.2)
    trial = made("request", "memory", load_use=under_load, use=whole, startup=STARTUP, peak_bytes=70_000_000)
    attempt = trial.attempt
    assert (attempt.passed, attempt.failures, trial.causes) == (False, ["p95 was bad"], {"memory"})
    assert (attempt.limits, attempt.weight_cores, attempt.seconds_to_ready) == (LIMITS, 0.5, 1.0)
    assert (attempt.requests, attempt.successes, attempt.requests_per_second) == (200, 200, 50.0)
    assert (attempt.throttled_share, attempt.throttled_seconds) == (0.1, 0.2)
    assert (attempt.oom_kills, attempt.memory_peak_bytes) == (1, 90_000_000)
    uncounted = made(peak_bytes=70_000_000, loaded=False).attempt
    assert (uncounted.oom_kills, uncounted.memory_peak_bytes, uncounted.requests) == (None, 70_000_000, None)


def test_the_most_expensive_rows_and_a_sample_are_sent_again() -> None:
    rows = [row_cost(index, latency_s=0.01 * index, peak_bytes=index % 30 * 1000) for index in range(40)]
    rows[35] = dataclasses.replace(rows[35], cpu_s=0.5)
    rows[3] = row_cost(3, "500", peak_bytes=10**9)
    found = rehearse(census(*rows), Load([1, 2]), REFERENCE)
    assert next(iter(found.rows)) == 35, "the one that costs most CPU"
    assert {25, 26, 27, 28, 29, 35} | set(range(3)) | set(range(4, 21)) == set(found.rows), "what failed is left out"
    assert found.rows[7] == pytest.approx(0.07)
    assert found.heaviest == 29
    assert rehearse(census(), Load(), REFERENCE).heaviest is None


def test_a_limit_and_a_request_bound_each_other() -> None:
    lower = RECOMMENDED.with_limit(0.7)
    assert (lower.request_cores, lower.limits.cpu_cores) == (0.7, 0.7)
    higher = lower.with_request(0.8)
    assert (higher.request_cores, higher.limits.cpu_cores) == (0.8, 0.8)
    assert higher.cpu is not None
    assert "0.7 cores were too few" in higher.cpu.cores.reason


def test_the_next_limit_is_one_size_larger_and_never_more_than_there_is() -> None:
    assert RECOMMENDED.with_next_limit(4.0) == RECOMMENDED.with_limit(1.25)
    assert RECOMMENDED.with_next_limit(1.1) == RECOMMENDED.with_limit(1.1)
    assert RECOMMENDED.with_next_limit(1.0) is None


def test_more_memory_is_a_fifth_or_100_mb() -> None:
    more = RECOMMENDED.with_more_memory().memory
    assert more is not None
    assert more.size.request_bytes == more.size.limit_bytes >= 300_000_000
    assert "200 MB were not enough" in more.size.reason


def test_without_an_answer_there_is_nothing_to_change() -> None:
    nothing = Recommended(Configuration(1))
    assert nothing.with_more_memory() == nothing.with_limit(1.0) == nothing.with_request(1.0) == nothing
    assert (nothing.limits, nothing.request_cores) == (Limits(cpu_cores=0.0, memory_bytes=None), 0.0)


def test_memory_is_raised_only_for_a_peak_that_it_was_not_made_of() -> None:
    assert RECOMMENDED.with_peak(90_000_000) == RECOMMENDED
    raised = RECOMMENDED.with_peak(150_000_000).memory
    assert raised is not None
    assert raised.need_bytes == 150_000_000


@pytest.mark.parametrize(
    ("cores", "most_cores", "last", "then"),
    [
        (1.25, 2.0, False, 1.5),
        (1.25, 2.0, True, 2.0),
        (0.9, 2.0, True, 1.0),
        (4.0, 64.0, True, 5.0),
        (1.9, 2.0, False, 2.0),
    ],
)
def test_after_a_failure_comes_the_next_size_and_last_of_all_what_cannot_fail(
    cores: float, most_cores: float, last: bool, then: float
) -> None:
    assert next_size(cores, most_cores, last=last) == then


def test_what_another_server_is_worth_trying_with() -> None:
    assert step_up(RECOMMENDED, made(), 4.0) is None
    assert step_up(RECOMMENDED, made(failed="memory"), 4.0) == RECOMMENDED.with_more_memory()
    assert step_up(RECOMMENDED, made(failed="start"), 4.0) == RECOMMENDED.with_limit(1.25)
    assert step_up(RECOMMENDED, made(failed="start"), 1.0) is None
    assert step_up(RECOMMENDED, made(failed="cpu"), 4.0) is None, "nothing larger was left to try"
    less = Limits(cpu_cores=0.9, memory_bytes=200_000_000)
    assert step_up(RECOMMENDED, made(failed="cpu", limits=less), 4.0) == RECOMMENDED, "raised already, and not tried"
    assert step_up(RECOMMENDED, made(failed="noise"), 4.0) is None


def test_grades_and_their_first_reason() -> None:
    assert grade(None) == "estimated"
    assert verification_reason(None).startswith("not verified")
    kinds: tuple[tuple[Verification, str], ...] = (
        (verified_by("cgroup v1", made(), made("request")), "verified"),
        (verified_by("affinity", made(), alone="no control group"), "soft-verified"),
        (verified_by("container", made(), alone="no control group"), "verified"),
    )
    for verification, expected in kinds:
        assert grade(verification) == expected
        assert "kept its rate" in verification_reason(verification)
        assert "1 core and 190 Mi" in verification_reason(verification)
    failed = verified_by("container", made(), made(failed="cpu"))
    assert grade(failed) == "estimated"
    assert "p95 was bad" in verification_reason(failed)
    failed = verified_by("cgroup v1", made(), made("request", failed="cpu"))
    assert "on a full node, with a request of 0.5 cores, p95 was bad" in verification_reason(failed)
    aborted = verified_by("cgroup v1", made())
    assert verification_reason(aborted) == "not verified: inside 1 core and 190 Mi the trials were aborted"


def test_heavy_noise_takes_the_grade_down() -> None:
    noisy = findings(capacity=Capacity((level(window(elsewhere_cores=1.0)),)))
    verification = verified_by("cgroup v1", made(), made("request"))
    assert heavily_disturbed(noisy)
    assert grade(verification, heavily_disturbed(noisy)) == "soft-verified"
    assert not heavily_disturbed(findings(capacity=Capacity((level(window(elsewhere_cores=0.5)),))))


def test_the_evidence_is_kept() -> None:
    limit = made(load_use=GroupUse(0, 1, 40, 4, 0.2))
    full = made("request", latency_s=0.060)
    found = trials("cgroup v1", made("search", limits=Limits(cpu_cores=1.0, memory_bytes=None)), limit, full)
    result = written_of(findings(trials=found)).verification
    assert result is not None
    assert result.passed
    assert (result.limits, result.request_cores, result.why_not_enforced) == (LIMITS, 0.5, "read-only")
    assert [attempt.kind for attempt in result.attempts] == ["search", "limit", "request"]
    assert [attempt.weight_cores for attempt in result.attempts] == [None, None, 0.5]
    assert result.attempts[1].throttled_share == 0.1
    evidence = result.evidence
    assert evidence.p95_ratio == pytest.approx(1.0, abs=0.01)
    assert evidence.full_node_p95_seconds == pytest.approx(0.060, rel=0.01)
    assert (evidence.tightness.cpu, evidence.tightness.memory) == (0.95, 0.5)


def test_less_cpu_than_was_computed_is_all_that_is_needed_where_it_was_proved() -> None:
    proved = dataclasses.replace(RECOMMENDED, cpu=cpu_of(0.1, need_cores=0.236))
    found = dataclasses.replace(trials("cgroup v1", made(), made("request")), recommended=proved)
    result = written_of(findings(trials=found)).verification
    assert result is not None
    assert result.evidence.tightness.cpu == 1.0


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(45.0, 1.0, True, False), ""),
        (Plan(45.0, 1.0, False, False), "switched off"),
        (Plan(10.0, 1.0, True, False), "below 15 s"),
        (Plan(45.0, 30.0, True, False), "too long to start"),
    ],
)
def test_when_a_second_run_is_worth_it(plan: Plan, words: str) -> None:
    assert words in plan.why_unverified()
    assert plan.verifies == (not words)
    assert plan.capacity_s(40.0) >= 40.0 / 5


@pytest.mark.parametrize(
    ("quota", "memory_bytes", "inside"),
    [(1.0, 200_000_000, True), (1.2, 300_000_000, True), (None, 200_000_000, False), (4.0, 200_000_000, False)],
)
def test_a_container_is_known_by_its_limits(quota: float | None, memory_bytes: int, inside: bool) -> None:
    host = Host("A CPU", 4, (0, 1), quota, 2.0, 1 << 34, memory_bytes, 2, "6.1", "3.11")
    assert is_inside(host, LIMITS) is inside


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile with its verification."""
    folder = tmp_path_factory.mktemp("verified")
    profile(options_for(folder, BURN, [f"row {n}" for n in range(12)], budget_s=16.0), Notes())
    return folder


def can_limit() -> bool:
    try:
        with delegate():
            return True
    except LimitsUnavailable:
        return False


def test_a_recommendation_is_tried_out_in_its_limits(verified: Path) -> None:
    result = read_profile(verified / "out" / "profile.json")
    found = result.verification
    assert found is not None
    assert found.method == ("cgroup v1" if can_limit() else "affinity") or found.method == "cgroup v2"
    trials = [attempt for attempt in found.attempts if attempt.kind == "limit"]
    assert trials[0].limits.cpu_cores <= 2.0
    assert trials[-1].successes == trials[-1].requests or not found.passed
    assert trials[-1].oom_kills in {0, None}
    assert result.measurements.growth.verdict == "none"
    cpu, memory = result.recommendation.cpu, result.recommendation.memory
    assert cpu is not None
    assert memory is not None
    assert cpu.request_cores <= cpu.limit_cores
    if found.passed:
        enforced = found.method != "affinity"
        disturbed = any("disturbed" in reason for reason in result.grade_reasons)
        assert result.grade in ["estimated", "soft-verified", "verified"][1 + enforced - disturbed : 2 + enforced]
        # A request of all the CPU raises the limit above the one that was enough.
        assert found.limits.cpu_cores <= cpu.limit_cores
        assert found.limits.cpu_cores == cpu.limit_cores or found.why_no_competitor is not None
        assert found.limits.memory_bytes == memory.limit_bytes
        assert found.request_cores == (cpu.request_cores if found.why_no_competitor is None else None)


def test_the_operating_point_is_pooled_from_windows_and_trials_repeat_some(verified: Path) -> None:
    result = read_profile(verified / "out" / "profile.json")
    level, point, found = (
        result.measurements.operating_level,
        result.recommendation.operating_point,
        result.verification,
    )
    assert level is not None
    assert point is not None
    assert found is not None
    assert level.windows > 1
    assert level.latency_seconds.mean is not None
    assert point.latency_seconds.p50 == level.latency_seconds.p50
    trial = next(attempt for attempt in found.attempts if attempt.kind == "limit")
    assert trial.requests is not None
    assert trial.requests == pytest.approx(level.offered * 2 / level.windows, abs=1)


def test_every_null_of_a_verified_profile_has_its_reason(verified: Path) -> None:
    options = options_for(verified, BURN, [f"row {n}" for n in range(12)])
    assert unexplained(written(options)) == []


def test_a_profile_is_tried_out_later(verified: Path, tmp_path: Path) -> None:
    options = dataclasses.replace(options_for(verified, BURN, [f"row {n}" for n in range(12)]), output_dir=tmp_path)
    result = verify_profile(options, verified / "out" / "profile.json", Notes())
    assert result.verification is not None
    assert all(attempt.kind != "search" for attempt in result.verification.attempts)
    attempt = result.verification.attempts[0]
    before = read_profile(verified / "out" / "profile.json")
    assert before.measurements.operating_level is not None
    assert attempt.requests == before.measurements.operating_level.offered
    assert read_profile(tmp_path / "profile.json") == result
    assert result.measurements == before.measurements


def test_what_is_no_profile_is_refused(tmp_path: Path) -> None:
    options = options_for(tmp_path, ECHO, ["a"])
    with pytest.raises(UsageError, match="cannot be read"):
        verify_profile(options, tmp_path / "gone.json", Notes())
    (tmp_path / "bad.json").write_text('{"schemaVersion": "1"}')
    with pytest.raises(UsageError, match="not a profile"):
        verify_profile(options, tmp_path / "bad.json", Notes())


def test_inside_limits_that_somebody_else_set_they_are_taken_for_the_recommended(
    verified: Path, tmp_path: Path
) -> None:
    """As in a container with --cpus and --memory: the whole program runs inside, the driver too."""
    if not can_limit():
        pytest.skip("no limits can be enforced here")
    before = read_profile(verified / "out" / "profile.json")
    cpu, memory = before.recommendation.cpu, before.recommendation.memory
    assert cpu is not None
    assert memory is not None
    with delegate() as delegation, delegation.group(f"plimsoll-test-box-{os.getpid()}") as group:
        group.limit_cpu(cpu.limit_cores + 0.2)
        group.limit_memory(memory.limit_bytes + (200 << 20))

        def join() -> None:
            for door in group.doors:
                with open(door, "w") as file:
                    file.write("0")

        source = (
            "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
            "from support.profile_runs import Notes, options_for\n"
            "import dataclasses; from plimsoll.profiling.reverify import verify_profile\n"
            "folder = Path(sys.argv[2])\n"
            "options = options_for(folder, sys.argv[4], [f'row {n}' for n in range(12)])\n"
            "options = dataclasses.replace(options, output_dir=Path(sys.argv[3]))\n"
            "verify_profile(options, folder / 'out' / 'profile.json', Notes())"
        )
        tests = str(Path(__file__).parents[2])
        arguments = [sys.executable, "-c", source, tests, str(verified), str(tmp_path), BURN]
        done = subprocess.run(arguments, preexec_fn=join, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    result = read_profile(tmp_path / "profile.json")
    assert result.verification is not None
    assert result.verification.method == "container"
    assert result.verification.attempts[0].oom_kills == 0
    assert result.verification.attempts[0].throttled_share is not None
