"""The two numbers for CPU: the smallest quota that keeps the latency, the share that keeps the rate on a full node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from test_truth_limits import needs_limits
from truth_quota import fits_the_model
from truth_servers import BURN, Quiet, options_for

from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.reverify import verify_profile
from plimsoll.profiling.run import profile

pytestmark = [pytest.mark.truth, pytest.mark.calibration]
ROWS = [f"row {number}" for number in range(12)]
_SERVER_S = 0.0005
# Four answers in a hurry and one at the default budget, in seconds.
BUDGETS_S = (45.0, 45.0, 180.0, 45.0, 45.0)


@pytest.mark.parametrize(("cost_ms", "rate_rps"), [(10, 30.0), (40, 10.0), (2, 200.0)])
def test_both_numbers_hold_and_a_fifth_less_of_the_limit_does_not(
    cost_ms: int, rate_rps: float, tmp_path: Path, note: Callable[[str], None]
) -> None:
    needs_limits()
    script = BURN + f"def run(data): burn({cost_ms / 1000})\n"
    wrong = []
    for number, budget_s in enumerate(BUDGETS_S):
        options = options_for(tmp_path / str(number), script, ROWS, budget_s, target_rps=rate_rps, search_workers=True)
        result = profile(options, Quiet())
        note(f"{cost_ms} ms at {rate_rps:g}/s: {described(result)}")
        try:
            check(result, cost_ms / 1000, rate_rps)
            smaller = tmp_path / f"less-{number}.json"
            smaller.write_text(with_less(result).model_dump_json(by_alias=True))
            again = verify_profile(options, smaller, Quiet()).verification
            assert again is not None
            note(f"  with a fifth less: {'; '.join(again.attempts[0].failures) or 'held'}")
            assert not again.attempts[0].passed, "a fifth less held as well"
        except AssertionError as error:
            wrong.append(f"run {number + 1}: {error}")
    assert not wrong, "\n".join(wrong)


def described(result: Profile) -> str:
    cpu, found = result.recommendation.cpu, result.verification
    assert cpu is not None
    assert found is not None
    evidence = found.evidence
    return (
        f"{result.grade} in {result.elapsed_seconds:.0f} s,"
        f" limit {cpu.limit_cores:g} (p95 {1000 * (evidence.limited_p95_seconds or 0):.1f} ms,"
        f" {1000 * (evidence.unlimited_p95_seconds or 0):.1f} without),"
        f" request {cpu.request_cores:g} (p95 {1000 * (evidence.full_node_p95_seconds or 0):.1f} ms);"
        f" {'; '.join(result.grade_reasons)}"
    )


def check(result: Profile, service_s: float, rate_rps: float) -> None:
    cpu = result.recommendation.cpu
    assert cpu is not None
    assert result.grade == "verified", result.grade_reasons
    assert result.recommendation.workers == 1
    # 75 % utilisation, then rounded up; up to half a millisecond is the server's own.
    assert service_s * rate_rps < cpu.request_cores <= 1.5 * (service_s + _SERVER_S) * rate_rps
    fits_the_model(cpu.limit_cores, service_s, rate_rps)


def with_less(result: Profile) -> Profile:
    """The same answer with 0.8 of the limit and half of the request, which then lies below it."""
    cpu = result.recommendation.cpu
    assert cpu is not None
    less = cpu.model_copy(update={"limit_cores": 0.8 * cpu.limit_cores, "request_cores": 0.5 * cpu.request_cores})
    return result.model_copy(update={"recommendation": result.recommendation.model_copy(update={"cpu": less})})
