"""`--fail-if`: conditions such as `p99>200ms`, under which the program ends with an error."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from plimsoll.errors import UsageError
from plimsoll.profiling.gates_metrics import METRICS, Metric
from plimsoll.profiling.gates_units import parse_quantity, show_quantity
from plimsoll.profiling.result import Profile

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


@dataclass(frozen=True, slots=True)
class GateResult:
    """What became of one gate; `held` is None where there was nothing to decide it by."""

    held: bool | None
    sentence: str


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
        if value is None:
            why = profile.unknown.get(metric.path, "it was not measured")
            yield GateResult(False, f"{condition.text}: {metric.name} is not known ({why})")
        else:
            failed = _OPERATORS[condition.sign](value, condition.limit)
            yield GateResult(not failed, f"{condition.text}: {metric.name} is {show_quantity(value, metric.dimension)}")
