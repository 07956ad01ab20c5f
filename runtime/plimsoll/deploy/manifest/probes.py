"""Probes, from how long the server took to start and how long its longest call takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plimsoll.deploy.manifest.document import Noted
from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.units import number
from plimsoll.settings.serving import HEARTBEAT_TIMEOUT_S

LIVE_PATH, READY_PATH = "/health/live", "/health/ready"

START_MARGIN = 3
"""A node may be slower, and has the image and the model not in its page cache yet."""
_LEAST_START_S = 30
"""What Kubernetes allows by default: 3 failures, 10 s apart."""
_LONGEST_PERIOD_S = 10
_READY_PERIOD_S = 5
_READY_FAILURES = 2
_LIVE_PERIOD_S = 15
_TIMEOUT_S = 5
_LIVE_FAILURES = 3
"""The last three are those of the image's own HEALTHCHECK."""


@dataclass(frozen=True, slots=True)
class Probe:
    """`period` and `timeout` in seconds."""

    path: str
    period: Noted
    timeout: Noted
    failures: Noted

    @property
    def budget_s(self) -> int:
        """How long it may fail."""
        return int(self.period.value * self.failures.value)


@dataclass(frozen=True, slots=True)
class Probes:
    """`ready_s`: the longest start that was measured or, with the requested CPU alone, is to be expected."""

    ready_s: float
    startup: Probe
    readiness: Probe
    liveness: Probe


def make_probes(needs: ReplicaNeeds, profile: Profile) -> Probes:
    ready_s, why = _longest_start(needs, profile)
    return Probes(ready_s, _startup(ready_s, why), _readiness(), _liveness(needs))


def _longest_start(needs: ReplicaNeeds, profile: Profile) -> tuple[float, str]:
    attempts = profile.verification.attempts if profile.verification else []
    limited_s = max((attempt.seconds_to_ready or 0.0 for attempt in attempts), default=0.0)
    full_node_s = needs.startup_cpu_s / needs.request_cores
    starts = (
        (needs.seconds_to_ready, "measured without limits"),
        (limited_s, "measured inside the limits"),
        (full_node_s, f"{number(needs.startup_cpu_s)} s of CPU with the requested cores alone, as on a full node"),
    )
    ready_s, why = max(starts)
    return ready_s, f"a start takes {number(ready_s)} s ({why})"


def _startup(ready_s: float, why: str) -> Probe:
    budget_s = max(START_MARGIN * ready_s, _LEAST_START_S)
    period_s = min(max(math.ceil(ready_s / 10), 1), _LONGEST_PERIOD_S)
    failures = math.ceil(budget_s / period_s)
    enough = (
        f"{START_MARGIN} times that, for a slower node and cold caches"
        if budget_s > _LEAST_START_S
        else f"{_LEAST_START_S} s, Kubernetes' default, is over {START_MARGIN} times that"
    )
    return Probe(
        READY_PATH,
        Noted(period_s, "a tenth of the start, at least 1 s and at most 10 s: so soon after it requests may come"),
        _timeout(),
        Noted(failures, f"{failures * period_s} s in all: {why}; {enough}"),
    )


def _readiness() -> Probe:
    return Probe(
        READY_PATH,
        Noted(
            _READY_PERIOD_S,
            f"requests go to a replica that cannot take any for {_READY_PERIOD_S * _READY_FAILURES} s at most",
        ),
        _timeout(),
        Noted(_READY_FAILURES, "one probe may be lost on the way"),
    )


def _liveness(needs: ReplicaNeeds) -> Probe:
    """Not of the model: a stuck worker is replaced from inside. It is for a front that has stopped altogether."""
    least_s = HEARTBEAT_TIMEOUT_S + needs.longest_call_s
    failures = max(math.ceil(least_s / _LIVE_PERIOD_S), _LIVE_FAILURES)
    return Probe(
        LIVE_PATH,
        Noted(_LIVE_PERIOD_S, "as in the image's own HEALTHCHECK"),
        _timeout(),
        Noted(
            failures,
            f"{failures * _LIVE_PERIOD_S} s: the server itself replaces a front that stands still for"
            f" {HEARTBEAT_TIMEOUT_S} s, and the longest call took {number(needs.longest_call_s)} s; only after both the"
            " container is restarted. The front answers this probe whatever the model does",
        ),
    )


def _timeout() -> Noted:
    return Noted(_TIMEOUT_S, "as in the image's own HEALTHCHECK: the front may have to wait for a CPU")
