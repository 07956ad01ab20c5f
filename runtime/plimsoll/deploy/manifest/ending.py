"""The end of a replica: what the cluster waits for, and what the server does meanwhile, one inside the other.

preStop ─ SIGTERM ─ drain: serves, not ready ─ port closes, calls finish: grace ─ workers end: grace ─ slack
└──────────────────────────────── terminationGracePeriodSeconds ────────────────────────────────────────────┘
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from plimsoll.deploy.manifest.document import Noted
from plimsoll.deploy.manifest.probes import Probes
from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.reports.units import number
from plimsoll.settings.serving import ServeSettings, longest_stop_s

_PRE_STOP_S = 5
_CALL_MARGIN = 3
_SLACK_S = 5


@dataclass(frozen=True, slots=True)
class Ending:
    """Seconds; `in_all` is the cluster's."""

    pre_stop: Noted
    drain: Noted
    grace: Noted
    in_all: Noted


def make_ending(needs: ReplicaNeeds, probes: Probes) -> Ending:
    drain_s = probes.readiness.budget_s
    grace_s = max(math.ceil(_CALL_MARGIN * needs.longest_call_s), math.ceil(ServeSettings.grace_seconds))
    stop_s = longest_stop_s(drain_s, grace_s)
    return Ending(
        pre_stop=Noted(_PRE_STOP_S, "seconds until all nodes have heard that no new connections go here"),
        drain=Noted(
            drain_s,
            "seconds of serving while not ready, each answer ending its connection: as long as the readiness probe, or"
            " that of a load balancer, takes to notice",
        ),
        grace=Noted(
            grace_s, f"seconds for running calls; the longest took {number(needs.longest_call_s)} s{_why(grace_s)}"
        ),
        in_all=Noted(
            _PRE_STOP_S + stop_s + _SLACK_S,
            f"{_PRE_STOP_S} of preStop, {stop_s} that the server may need at most (drain {drain_s}, twice the grace"
            f" of {grace_s}, 5 to spare), {_SLACK_S} for the container to end",
        ),
    )


def _why(grace_s: int) -> str:
    default = f"{ServeSettings.grace_seconds:g}"
    return f"; {default} is the server's default" if grace_s == ServeSettings.grace_seconds else ""
