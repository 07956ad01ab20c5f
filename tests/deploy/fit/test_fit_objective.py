"""An objective of latency, against a profile that saw p99 30 ms, 31 ms inside the limits, 99 ms on a full node."""

from __future__ import annotations

import pytest

from plimsoll.deploy.fit.objective import check_objective
from plimsoll.profiling.advice.slo import parse_slo
from support.fitted import RATE_RPS, deployable


@pytest.mark.parametrize(
    ("objective", "met", "on_full_node", "said"),
    [
        ("p99=200ms", True, True, "p99 of 200 ms: met, p99 was 31 ms at the rate of one replica, 99 ms on a full node"),
        ("p99=50ms", True, False, "met, p99 was 31 ms"),
        # Between the two trials at that rate: the worse one counts.
        ("p99=30.5ms", False, False, "p99 of 30.5 ms: NOT met, p99 was 31 ms"),
        ("p90=15ms", True, None, "p90 of 15 ms: met, p90 was 15 ms at the rate of one replica"),
        ("p99.9=1s", None, None, "p99.9 of 1000 ms: cannot be checked, the profile measured no p999 there"),
        (
            "p99.5=1s",
            None,
            None,
            "p99.5 of 1000 ms: cannot be checked, the profile knows p50, p90, p95, p99, p999 alone",
        ),
    ],
)
def test_what_the_profile_knows_of_it(objective: str, met: bool | None, on_full_node: bool | None, said: str) -> None:
    found = check_objective(parse_slo(objective), deployable())
    assert (found.met, found.met_on_full_node) == (met, on_full_node)
    assert found.sentence.startswith(said) or said in found.sentence


def test_without_a_verification_the_operating_point_is_all_there_is() -> None:
    assert RATE_RPS == 50
    found = check_objective(parse_slo("p99=30.5ms"), deployable(verification=None))
    assert (found.met, found.met_on_full_node) == (True, None)
