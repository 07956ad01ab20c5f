"""Whether the start needs more CPU than serving, and how much more."""

from __future__ import annotations

import math

from plimsoll.deploy.manifest.document import Noted
from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.reports.units import number
from plimsoll.warning import warn


def make_boost(needs: ReplicaNeeds) -> Noted | None:
    """How many times the request; None, and a warning, where the limit is enough for the start as it was measured."""
    used_cores = needs.startup_cpu_s / needs.seconds_to_ready if needs.seconds_to_ready else 0.0
    if used_cores <= needs.limit_cores:
        warn(
            f"--startup-boost: the start used {number(used_cores)} cores, no more than the limit of"
            f" {number(needs.limit_cores)}: no boost is written"
        )
        return None
    return Noted(
        math.ceil(used_cores / needs.request_cores),
        f"times the request: the start used {number(used_cores)} cores ({number(needs.startup_cpu_s)} s of CPU in"
        f" {number(needs.seconds_to_ready)} s), {number(needs.request_cores)} are requested",
    )
