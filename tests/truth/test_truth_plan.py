"""What `plimsoll plan` foretells, compared with replicas behind HAProxy; `make truth-plan` prints the whole table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from truth_fleet import capacity_rps, fleet, found, planned, profiled, sent, trace

pytestmark = [pytest.mark.truth, pytest.mark.calibration]
SEED = 1
DEADLINE_S = 0.3


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return profiled(tmp_path_factory.mktemp("profile"), 45.0)


@pytest.mark.parametrize("kind", ["poisson", "bursty"])
def test_two_replicas_answer_as_planned(kind: str, profile: Path, tmp_path: Path, enter: Callable[..., None]) -> None:
    plan = trace(0.6 * 2 * capacity_rps(profile), kind, 24.0, SEED)
    with fleet(tmp_path, 2) as port:
        real = found([sent(port, plan)])
    foretold = planned(profile, plan, 2, tmp_path)
    enter(f"plan: p95 of two replicas, {kind}", real.p95_s * 1e3, foretold.p95_s * 1e3, "ms", 0.35)
    enter(f"plan: throughput of two replicas, {kind}", real.throughput_rps, foretold.throughput_rps, "1/s", 0.05)


def test_as_many_are_refused_as_planned(profile: Path, tmp_path: Path, enter: Callable[..., None]) -> None:
    """Half as much again as it can do, from clients with a deadline."""
    plan = trace(1.5 * capacity_rps(profile), "poisson", 18.0, SEED)
    with fleet(tmp_path, 1) as port:
        real = found([sent(port, plan, round(DEADLINE_S * 1e3))])
    foretold = planned(profile, plan, 1, tmp_path, "--request-timeout", str(DEADLINE_S))
    enter("plan: share refused or late at 1.5 times the capacity", real.refused, foretold.refused, "", 0.15)
