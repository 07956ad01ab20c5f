"""An objective of latency, compared with what the profile measured at its operating point.

That is what one replica did at that rate, on the machine of the profile, with arrivals at random instants. What another
processor, the network and neighbours add to it nobody can know from there.
"""

from __future__ import annotations

from dataclasses import dataclass

from plimsoll.profiling.advice.slo import PERCENTILES, Slo
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.units import milliseconds


@dataclass(frozen=True)
class Objective:
    """None where the profile does not know the percentile."""

    met: bool | None
    sentence: str
    met_on_full_node: bool | None = None


def check_objective(slo: Slo, profile: Profile) -> Objective:
    """The worse of the two trials at that rate counts: without limits, and inside the recommended ones."""
    name = slo.percentile
    measured_s = _measured(profile, name) if name else []
    if name is None or not measured_s:
        what = f"measured no {name} there" if name else f"knows {', '.join(PERCENTILES.values())} alone"
        return Objective(None, f"{slo}: cannot be checked, the profile {what}")
    worst_s, full_s = max(measured_s), _on_full_node(profile, name)
    met = worst_s <= slo.seconds
    sentence = f"{slo}: {'met' if met else 'NOT met'}, {name} was {milliseconds(worst_s)} ms at the rate of one replica"
    if full_s is None:
        return Objective(met, sentence)
    return Objective(met, f"{sentence}, {milliseconds(full_s)} ms on a full node", full_s <= slo.seconds)


def _measured(profile: Profile, name: str) -> list[float]:
    point, verification = profile.recommendation.operating_point, profile.verification
    found: list[float | None] = [getattr(point.latency_seconds, name)] if point else []
    if verification is not None:
        found.append(getattr(verification.evidence, f"limited_{name}_seconds", None))
    return [latency_s for latency_s in found if latency_s is not None]


def _on_full_node(profile: Profile, name: str) -> float | None:
    evidence = profile.verification.evidence if profile.verification else None
    found: float | None = getattr(evidence, f"full_node_{name}_seconds", None)
    return found
