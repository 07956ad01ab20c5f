"""`--fail-if`: conditions such as `p99>200ms`, under which the program ends with an error."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from plimsoll.errors import UsageError
from plimsoll.profiling.gates.metrics import METRICS, Metric, parse_quantity, show_quantity
from plimsoll.profiling.result.profile import GateResult, Profile

_CONDITION = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(>=|<=|>|<)\s*(.+?)\s*")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One, with its limit in the base unit of the metric."""

    text: str
    metric: Metric
    sign: str
    limit: float


def parse_conditions(texts: Iterable[str]) -> tuple[Condition, ...]:
    """Each text may hold several, separated by commas; raises UsageError that names what is known."""
    parts = (part for text in texts for part in text.split(","))
    return tuple(_parse(part) for part in parts if part.strip())


def _parse(text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise UsageError(f"--fail-if {text.strip()!r}: no condition", remedy="for example 'p99>200ms' or 'memory>4GB'")
    name, sign, limit = found.groups()
    metric = METRICS.get(name)
    if metric is None:
        raise UsageError(f"--fail-if {text.strip()!r}: no number is called {name!r}", remedy=", ".join(METRICS))
    return Condition(text.strip(), metric, sign, parse_quantity(limit, metric.dimension))


def check_conditions(profile: Profile, conditions: Iterable[Condition]) -> Iterator[GateResult]:
    """A number that is not known fails its gate: silence must not turn a build green."""
    for condition in conditions:
        metric, value = condition.metric, condition.metric.read(profile)
        held, measured = False, None
        if value is None:
            found = f"not known ({profile.unknown.get(metric.path, 'it was not measured')})"
        else:
            held = not _OPERATORS[condition.sign](value, condition.limit)
            found = measured = show_quantity(value, metric.dimension)
        yield GateResult(
            kind="condition",
            name=metric.name,
            held=held,
            sentence=f"{condition.text}: {metric.name} is {found}",
            measured=measured,
            bound=f"{condition.sign} {show_quantity(condition.limit, metric.dimension)}",
        )
