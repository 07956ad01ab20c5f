"""A finished profile that a plan can be made from, and evidence of which nothing was measured."""

from __future__ import annotations

import math
from typing import Any

from plimsoll.deploy.plan.replica.evidence import Evidence, MeasuredLatency
from plimsoll.deploy.plan.replica.shape import Shape, shape_of_values
from plimsoll.profiling.result.profile import Profile
from support.finished import verified_profile
from support.operated import changed, open_level, operated

EXPONENTIAL: Shape = shape_of_values([-math.log(1 - (point + 0.5) / 4096) for point in range(4096)])[0]
CONSTANT: Shape = Shape((1.0,))
TWO_KINDS: Shape = shape_of_values([1.0] * 9 + [11.0])[0]
"""Every tenth request takes eleven times as long."""

LATENCY = {"mean": 0.0212, "p50": 0.0160, "p90": 0.0390, "p95": 0.0460, "p99": 0.0680, "p999": None, "max": 0.09}
OPERATING = open_level(63.6, LATENCY, requests=3000, offered=3000, successes=3000, outcomes={"200": 3000}, seconds=47.0)
ALONE = {"connections": 1, "requests": 4000, "shares": [0.025, 0.5, 0.975, 1.0]}
ALONE |= {"seconds": [0.0101, 0.0104, 0.011, 0.014]}


def plannable_profile(**changes: Any) -> Profile:
    """One slot, 10.5 ms per request, 95 requests/s at most, proved at 64; `changes` are of the measurements."""
    whole = operated(verified_profile(), OPERATING, most_rps=95.4)
    measurements = whole.measurements.model_dump(by_alias=True) | {"latencyCurves": [ALONE]} | changes
    return changed(whole, measurements=measurements, grade="verified", gradeReasons=["it passed"], warnings=[])


def evidence(**changes: Any) -> Evidence:
    """One server, 10 ms, exponential, and what comes of it at 70 requests/s by the book."""
    # M/M/1: the time in the system is exponential with the rate 100/s - 70/s.
    latency = MeasuredLatency(100_000, 70.0, *(-math.log(1 - share) / 30 for share in (0.5, 0.95, 0.99)), "by the book")
    values: dict[str, Any] = {
        "shape": EXPONENTIAL,
        "shape_source": "formula",
        "alone_s": 0.010,
        "capacity_rps": 100.0,
        "capacity_source": "formula",
        "latency": latency,
        "slots": 1,
        "most_waiting": 256,
        "slot_patience_s": 7230.0,
        "batches": None,
    }
    return Evidence(**values | changes)
