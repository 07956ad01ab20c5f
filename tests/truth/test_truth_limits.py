"""The recommendation under its own limits: it holds and a fifth less does not; noise and repetition change nothing."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from truth_servers import BAD_ROWS, BIG, BURN_10_MS, EMPTY, SLOW_INIT, Quiet, options_for, run, worker_cpu_s

from plimsoll.host.cgroups.groups import LimitsUnavailable, delegate
from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.result.files import read_profile
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.reverify import verify_profile
from plimsoll.profiling.run import profile
from support.patience import best_of_three, folders_below

pytestmark = pytest.mark.truth
ROWS = [f"row {number}" for number in range(12)]


def needs_limits() -> None:
    try:
        with delegate():
            pass
    except LimitsUnavailable as reason:
        pytest.skip(f"no limits can be enforced here: {reason}")
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")


def undisturbed_profile(options: ProfileOptions) -> Profile:
    """On a machine that others use both cores cannot be loaded, and the answer is smaller than the truth."""
    for _ in range(3):
        result = profile(options, Quiet())
        cpu, trials = result.recommendation.cpu, result.verification.attempts if result.verification else []
        alone = [trial.elsewhere_cores or 0.0 for trial in trials if trial.kind != "request"]
        quiet = bool(alone) and alone[-1] < 0.05 * result.host.logical_cpus
        if quiet and cpu is not None and cpu.request_cores >= 2.0:
            return result
    pytest.skip("the machine was never quiet")


@pytest.mark.calibration
def test_limits_hold_and_a_fifth_less_does_not(tmp_path: Path, note: Callable[[str], None]) -> None:
    """Two workers of 1 GB and 20 ms of CPU: big enough that neither steps nor the 100 MB rule."""
    needs_limits()
    options = options_for(tmp_path / "big", BIG, ROWS, 45.0, "--workers", "2", workers=2)
    result = undisturbed_profile(options)
    found = result.verification
    assert found is not None
    ratio, tight = found.evidence.p99_ratio, found.evidence.tightness
    note(f"big server: {result.grade}; need/recommended: CPU {tight.cpu:.2f}, memory {tight.memory:.2f}; p99 x{ratio}")
    assert found.passed, found.attempts[-1].failures
    assert found.attempts[-1].oom_kills == 0
    assert found.attempts[-1].successes == found.attempts[-1].requests
    memory, cpu = result.recommendation.memory, result.recommendation.cpu
    assert memory is not None
    assert cpu is not None
    less_memory = memory.model_copy(update={"limit_bytes": int(memory.limit_bytes * 0.8)})
    less = cpu.limit_cores * 0.8
    less_cpu = cpu.model_copy(update={"limit_cores": less, "request_cores": min(cpu.request_cores, less)})
    for name, part in (("memory", less_memory), ("cpu", less_cpu)):
        smaller = result.model_copy(update={"recommendation": result.recommendation.model_copy(update={name: part})})
        path = tmp_path / f"{name}.json"
        path.write_text(smaller.model_dump_json(by_alias=True))
        again = verify_profile(options, path, Quiet()).verification
        assert again is not None
        note(f"  with a fifth less {name}: {'; '.join(again.attempts[0].failures)}")
        assert not again.passed


def _burn() -> None:
    while True:
        pass


@pytest.mark.calibration
def test_a_neighbour_that_burns_a_core_changes_the_grade_and_not_the_cost(
    tmp_path: Path, enter: Callable[..., None], note: Callable[[str], None]
) -> None:
    quiet = run(tmp_path / "quiet", BURN_10_MS, ROWS, 20.0)
    neighbour = multiprocessing.get_context("spawn").Process(target=_burn, daemon=True)
    neighbour.start()
    try:
        noisy = run(tmp_path / "noisy", BURN_10_MS, ROWS, 20.0)
    finally:
        neighbour.kill()
        neighbour.join()
    enter("CPU per request beside a busy core", worker_cpu_s(quiet) * 1000, worker_cpu_s(noisy) * 1000, "ms", 0.05)
    assert noisy.grade != "verified"
    assert any("other processes used" in reason for reason in noisy.grade_reasons)
    note(f"grade without the neighbour {quiet.grade}, with it {noisy.grade}")


@pytest.mark.calibration
def test_ten_runs_round_to_the_same_cores(tmp_path: Path, note: Callable[[str], None]) -> None:
    answers: Counter[float] = Counter()
    for number in range(10):
        cpu = run(tmp_path / str(number), BURN_10_MS, ROWS, 8.0).recommendation.cpu
        assert cpu is not None
        answers[cpu.request_cores] += 1
    note(f"recommended cores in ten runs: {dict(answers)}")
    assert answers.most_common(1)[0][1] >= 9


def test_rows_that_fail_or_kill_are_named(tmp_path: Path) -> None:
    result = run(tmp_path / "bad", BAD_ROWS, ["a", "bad", "b", "kill", "c"], 8.0)
    assert [(row.row, row.outcome) for row in result.measurements.rows.failed] == [(2, "500"), (4, "502")]
    assert result.exit_code == 4


def test_a_slow_start_is_measured(tmp_path: Path, enter: Callable[..., None]) -> None:
    """Compared with a server that loads nothing: how long that takes depends on the machine and its other users."""
    folders = folders_below(tmp_path)

    def measure() -> None:
        folder = next(folders)
        bare, slow = (
            run(folder / name, script, ["1", "2"], 6.0) for name, script in (("bare", EMPTY), ("slow", SLOW_INIT))
        )
        bare_s, slow_s = bare.measurements.startup.seconds_to_ready, slow.measurements.startup.seconds_to_ready
        assert bare_s is not None
        assert slow_s is not None
        enter("start of a script that loads for 3 s, less that of a bare one", 3.0, slow_s - bare_s, "s", 0.2)

    best_of_three(measure)


def test_a_profile_read_back_is_the_same(tmp_path: Path) -> None:
    options = options_for(tmp_path / "same", BURN_10_MS, ROWS, 8.0)
    assert profile(options, Quiet()) == read_profile(options.output_dir / "profile.json")
