"""How many replicas: a fixed number, or the bounds of an autoscaler and when it acts."""

from __future__ import annotations

import math
from dataclasses import dataclass

from plimsoll.deploy.flags import MOST_REPLICAS
from plimsoll.deploy.manifest.document import Noted
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.probes import Probes
from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.errors import UsageError
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.units import number

_SPARE = 2
_DOUBLED = 2
_SYNC_S = 15
_DOWN_S = 300
"""Both Kubernetes' own: how often its autoscaler looks, and how long it remembers before it takes replicas away."""
_MOST_PERIOD_S, _MOST_WINDOW_S = 1800, 3600


@dataclass(frozen=True, slots=True)
class Scaling:
    """`least` and `most` replicas; seconds of the autoscaler's policies; `utilisation` in percent of the request."""

    least: Noted
    most: Noted
    utilisation: Noted
    up_period: Noted
    down_window: Noted


@dataclass(frozen=True, slots=True)
class Replicas:
    """`count` is how many to begin with; `scaling` is None where it is to stay at that."""

    count: Noted
    scaling: Scaling | None


def make_replicas(needs: ReplicaNeeds, profile: Profile, options: ManifestOptions, probes: Probes) -> Replicas:
    """Raises UsageError where the bounds do not let the target be carried."""
    if options.replicas is not None:
        return Replicas(Noted(options.replicas, f"as asked, {_carry(needs, options.replicas)}"), None)
    count = _needed(needs, options.target_rps or profile.settings.target_requests_per_second)
    least, most = _bounds(needs, options, count)
    return Replicas(least, _scaling(needs, probes, least, most))


def _carry(needs: ReplicaNeeds, count: int) -> str:
    return f"for up to {number(count * needs.rate_rps)} requests/s at the rate its limits were proved at"


def _needed(needs: ReplicaNeeds, target_rps: float | None) -> Noted:
    if target_rps is None:
        return Noted(_SPARE, "no target rate is known: two, so that one serves while the other is moved or lost")
    count = needs.replicas_for(target_rps)
    if count > MOST_REPLICAS:
        raise UsageError(
            f"--target-rps {number(target_rps)}: {number(needs.rate_rps)} of each replica are {count:g} replicas,"
            f" over {MOST_REPLICAS:g}",
            remedy="give a lower rate",
        )
    return Noted(count, f"for {number(target_rps)} requests/s, each carrying {number(needs.rate_rps)}, as was proved")


def _bounds(needs: ReplicaNeeds, options: ManifestOptions, count: Noted) -> tuple[Noted, Noted]:
    if options.autoscale is None:
        most = _DOUBLED * count.value
        return count, Noted(most, f"twice the least, {_carry(needs, most)}; --autoscale min:max sets both")
    least, most = options.autoscale.least, options.autoscale.most
    if options.target_rps is not None and most < count.value:
        raise UsageError(
            f"--autoscale {least}:{most}: {most} replicas carry {number(most * needs.rate_rps)} of the"
            f" {number(options.target_rps)} requests/s of --target-rps",
            remedy=f"give a maximum of at least {count.value}",
        )
    return Noted(least, f"as asked, {_carry(needs, least)}"), Noted(most, f"as asked, {_carry(needs, most)}")


def _scaling(needs: ReplicaNeeds, probes: Probes, least: Noted, most: Noted) -> Scaling:
    ready_s, start_s = probes.ready_s, probes.startup.budget_s
    period_s = min(max(math.ceil(ready_s), _SYNC_S), _MOST_PERIOD_S)
    window_s = min(max(start_s, _DOWN_S), _MOST_WINDOW_S)
    return Scaling(
        least=least,
        most=most,
        utilisation=Noted(
            max(1, math.floor(100 * needs.used_cores / needs.request_cores)),
            f"% of the request: {number(needs.used_cores)} of {number(needs.request_cores)} cores are used at"
            f" {number(needs.rate_rps)} requests/s, the rate at which the limits were proved",
        ),
        up_period=Noted(
            period_s,
            f"replicas take {number(ready_s)} s to start, and the autoscaler looks every {_SYNC_S} s: those"
            " that were ordered serve before more are ordered",
        ),
        down_window=Noted(
            window_s,
            f"Kubernetes' default is {_DOWN_S}, and a replica that is missed again may take {start_s} s to come back",
        ),
    )
