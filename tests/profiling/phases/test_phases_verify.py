"""Trials inside limits: real ones on the real server, what fails and why, steps up, and profiles tried out later."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from plimsoll.errors import UsageError
from plimsoll.host.cpus import Host
from plimsoll.host.groups import GroupUse, LimitsUnavailable, delegate
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.recommended import Recommended, raised_cpu, raised_memory
from plimsoll.profiling.answer.grade import grade, verification_reason
from plimsoll.profiling.answer.levels import verification_result
from plimsoll.profiling.measure.server import Load, Stopwatch
from plimsoll.profiling.phases import verify as verify_module
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.census import Census
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.phases.trial import Method, Reference, Rehearsal, Trial, _judge_memory, _judge_start, _problems
from plimsoll.profiling.phases.verify import Verification
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.result.files import read_profile
from plimsoll.profiling.reverify import is_inside, verify_profile
from plimsoll.profiling.run import profile
from plimsoll.profiling.session import Session
from support.made_up import MEMORY, cpu_of, findings, level, memory_of_size, rate_level, setup, window
from support.profile_runs import ECHO, Notes, options_for, unexplained, written

REFERENCE = Reference(50.0, 4.0, 0.020, 0.030, 50.0, 0, 1.0, 0.8)
CPU = cpu_of(1.0, carries_rps=66.0, need_cores=0.95)
MEMORY_ANSWER = memory_of_size(200_000_000, 100_000_000, 100_000_000)
RECOMMENDED = Recommended(Configuration(1), CPU, MEMORY_ANSWER)
BURN = """
import time
def init(): pass
def run(data):
    end = time.thread_time() + 0.005
    while time.thread_time() < end: pass
    return data
"""


def made(**changes: object) -> Trial:
    trial = Trial("cgroup v1", 1.0, 200_000_000, startup=Startup(1.1, 0.8, MEMORY), level=rate_level())
    for name, value in changes.items():
        setattr(trial, name, value)
    return trial


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        (made(), None),
        (made(level=rate_level(latency_s=0.0235)), None),
        (made(level=rate_level(latency_s=0.0245)), "p95 was 24.5 ms"),
        (made(level=rate_level(rate_rps=40.0)), "40 requests/s of 50"),
        (made(level=rate_level(failures=3)), "3 requests failed"),
        (made(level=rate_level(overrun=True)), "requests/s of 50"),
        (made(load_use=GroupUse(0, 1, 40, 20, 1.0)), "50% of the periods"),
        (made(load_use=GroupUse(0, 1, 40, 20, 0.01)), None),
    ],
)
def test_what_a_rate_inside_limits_must_hold(tried: Trial, words: str | None) -> None:
    problems = _problems(tried, REFERENCE, None)
    if words is None:
        assert problems == []
    else:
        assert words in problems[0]


def test_a_start_may_take_twice_as_long() -> None:
    slow, fine = made(startup=Startup(4.0, 0.8, MEMORY)), made(startup=Startup(2.5, 0.8, MEMORY))
    _judge_start(slow, REFERENCE)
    _judge_start(fine, REFERENCE)
    assert (slow.causes, fine.causes) == (["cpu"], [])
    assert slow.tree_peak_bytes == MEMORY.total.peak_bytes


def test_memory_is_judged_by_the_kernel_or_by_what_was_held() -> None:
    killed, held, fine = made(use=GroupUse(1, 1, 0, 0, 0.0)), made(tree_peak_bytes=300_000_000), made()
    _judge_memory(killed, watched=False)
    _judge_memory(held, watched=True)
    _judge_memory(fine, watched=True)
    assert "killed 1 process" in killed.failures[0]
    assert "300 MB, more than 200 MB" in held.failures[0]
    assert fine.passed


def test_steps_up() -> None:
    more = raised_memory(MEMORY_ANSWER)
    assert more.size.request_bytes == more.size.limit_bytes >= 300_000_000
    assert "did not get by with 200 MB" in more.size.reason
    wider = raised_cpu(CPU, None)
    assert (wider.cores.request_cores, wider.cores.limit_cores) == (1.25, 2.0)
    assert raised_cpu(CPU, 1.0).cores.request_cores == 1.0


def verified_by(method: Method, *trials: Trial) -> Verification:
    return Verification(method, REFERENCE, RECOMMENDED, trials, why_not_enforced="read-only")


def test_grades_and_their_first_reason() -> None:
    assert grade(findings()) == "estimated"
    kinds: tuple[tuple[Method, str], ...] = (
        ("cgroup v1", "verified"), ("affinity", "soft-verified"), ("container", "verified"),
    )  # fmt: skip
    for method, expected in kinds:
        found = findings(verification=verified_by(method, made()))
        assert grade(found) == expected
        assert "kept its rate" in verification_reason(found)
    found = findings(verification=verified_by("container", made(), made(failures=["p95 was bad"])))
    assert grade(found) == "estimated"
    assert "p95 was bad" in verification_reason(found)


def test_heavy_noise_takes_the_grade_down() -> None:
    noisy = Capacity((level(window(elsewhere_cores=1.0)),))
    assert grade(findings(verification=verified_by("cgroup v1", made()), capacity=noisy)) == "soft-verified"


def test_the_evidence_is_kept() -> None:
    result = verification_result(verified_by("cgroup v1", made(load_use=GroupUse(0, 1, 40, 4, 0.2))))
    assert result is not None
    assert result.passed
    assert result.limits.memory_bytes == 200_000_000
    assert result.attempts[0].throttled_share == 0.1
    assert result.evidence.p95_ratio == pytest.approx(1.0, abs=0.01)
    assert (result.evidence.tightness.cpu, result.evidence.tightness.memory) == (0.95, 0.5)
    assert verification_result(None) is verification_result(verified_by("cgroup v1")) is None


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
    assert plan.capacity_s(40.0) >= 40.0 / 3


@pytest.mark.parametrize(
    ("quota", "memory_bytes", "inside"),
    [(1.0, 200_000_000, True), (1.2, 300_000_000, True), (None, 200_000_000, False), (4.0, 200_000_000, False)],
)
def test_a_container_is_known_by_its_limits(quota: float | None, memory_bytes: int, inside: bool) -> None:
    host = Host("A CPU", 4, (0, 1), quota, 2.0, 1 << 34, memory_bytes, 2, "6.1", "3.11")
    assert is_inside(host, 1.0, 200_000_000) is inside


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
    assert found.attempts[0].limits.cpu_cores <= 1.25
    assert found.attempts[-1].successes == found.attempts[-1].requests
    assert found.attempts[-1].oom_kills in {0, None}
    assert result.measurements.growth.verdict == "none"
    if found.passed:
        enforced = found.method != "affinity"
        disturbed = any("disturbed" in reason for reason in result.grade_reasons)
        assert result.grade in ["estimated", "soft-verified", "verified"][1 + enforced - disturbed : 2 + enforced]
        assert found.limits.cpu_cores == result.recommendation.cpu.request_cores  # type: ignore[union-attr]
        assert found.limits.memory_bytes == result.recommendation.memory.limit_bytes  # type: ignore[union-attr]


def test_every_null_of_a_verified_profile_has_its_reason(verified: Path) -> None:
    options = options_for(verified, BURN, [f"row {n}" for n in range(12)])
    assert unexplained(written(options)) == []


def test_a_profile_is_tried_out_later(verified: Path, tmp_path: Path) -> None:
    options = dataclasses.replace(options_for(verified, BURN, [f"row {n}" for n in range(12)]), output_dir=tmp_path)
    result = verify_profile(options, verified / "out" / "profile.json", Notes())
    assert result.verification is not None
    assert len(result.verification.attempts) == 1
    attempt = result.verification.attempts[0]
    before = read_profile(verified / "out" / "profile.json")
    assert attempt.requests == before.measurements.rate_levels[-1].offered
    assert read_profile(tmp_path / "profile.json") == result
    assert result.measurements == before.measurements


def test_what_is_no_profile_is_refused(tmp_path: Path) -> None:
    options = options_for(tmp_path, ECHO, ["a"])
    with pytest.raises(UsageError, match="cannot be read"):
        verify_profile(options, tmp_path / "gone.json", Notes())
    (tmp_path / "bad.json").write_text('{"schemaVersion": "1"}')
    with pytest.raises(UsageError, match="not a profile"):
        verify_profile(options, tmp_path / "bad.json", Notes())


def test_three_trials_at_most_and_each_a_step_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(session: object, tried: Trial, *_: object) -> None:
        tried.fail("memory" if tried.memory_bytes < 300_000_000 else "cpu", "no")

    monkeypatch.setattr(verify_module, "try_out", never)
    monkeypatch.setattr(verify_module, "enforcement", lambda: nullcontext((None, "read-only")))
    session = Session(setup(), Notes(), None, Stopwatch(45.0), overtime_s=50.0)  # type: ignore[arg-type]
    rehearsal = Rehearsal(Census(), Load(), REFERENCE)
    *_, found = verify_module.verify(session, RECOMMENDED, rehearsal)
    assert [(tried.cpu_cores, tried.memory_bytes >= 300_000_000) for tried in found.trials] == [
        (1.0, False),
        (1.0, True),
        (1.25, True),
    ]
    assert found.recommended.cpu == CPU, "more CPU did not help"
    assert found.recommended.memory is not None
    assert found.recommended.memory.size.request_bytes >= 300_000_000


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
        group.limit_cpu(cpu.request_cores + 0.2)
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
