"""Gates: what a user demands of a profile before the pipeline may go on.

`read_gates` is called before anything is measured, so that a mistake in a flag costs no time; `check_gates` judges
the finished profile, `enforce` raises.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from plimsoll.errors import GateFailed, GradeTooLow, UsageError
from plimsoll.profiling.gates.baseline import compare
from plimsoll.profiling.gates.metrics import METRICS, Dimension, Metric, parse_quantity, show_quantity
from plimsoll.profiling.result.files import read_profile
from plimsoll.profiling.result.profile import GateResult, Profile

_CONDITION = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(>=|<=|>|<)\s*(.+?)\s*")
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
GRADES = ("estimated", "soft-verified", "verified")
DEFAULT_MAX_REGRESSION = "10%"
_WORDS = {True: "passed", False: "FAILED", None: "note"}


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
            found = f"not known ({_why(profile, metric.path)})"
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


def _why(profile: Profile, path: str) -> str:
    """The reason of the number, else of the nearest part around it that is null as a whole."""
    while path not in profile.unknown and "." in path:
        path = path.rpartition(".")[0]
    return profile.unknown.get(path, "it was not measured")


@dataclass(frozen=True, slots=True)
class Gates:
    """All that were set; `required` is the lowest grade that is good enough."""

    conditions: tuple[Condition, ...] = ()
    baseline: Profile | None = None
    most_regression: float = 0.1
    required: str | None = None


def read_gates(
    fail_if: Iterable[str] = (),
    baseline: str | None = None,
    max_regression: str | None = None,
    require: str | None = None,
) -> Gates:
    """From the values of the flags; raises UsageError."""
    if max_regression is not None and baseline is None:
        raise UsageError("--max-regression without --baseline: there is nothing to compare with")
    if require is not None and require not in GRADES:
        raise UsageError(f"--require {require!r}: no such grade", remedy=", ".join(GRADES))
    return Gates(
        conditions=parse_conditions(fail_if),
        baseline=read_profile(Path(baseline), "--baseline") if baseline is not None else None,
        most_regression=parse_quantity(max_regression or DEFAULT_MAX_REGRESSION, Dimension.SHARE),
        required=require,
    )


def check_gates(profile: Profile, gates: Gates) -> list[GateResult]:
    """The grade last; raises nothing."""
    results = list(check_conditions(profile, gates.conditions))
    if gates.baseline is not None:
        results += compare(profile, gates.baseline, gates.most_regression)
    if gates.required is not None:
        results.append(_check_grade(profile, gates.required))
    return results


def judged(profile: Profile, gates: Gates) -> Profile:
    return profile.model_copy(update={"gates": check_gates(profile, gates)})


def gate_line(result: GateResult) -> str:
    return f"gate {_WORDS[result.held]}: {result.sentence}"


def enforce(results: Sequence[GateResult]) -> None:
    """Raises GateFailed (exit code 5), or GradeTooLow (6) where only the grade is missing."""
    failed = [result for result in results if result.held is False]
    numbers = [result.sentence for result in failed if result.kind != "grade"]
    if numbers:
        raise GateFailed("; ".join(numbers))
    if failed:
        raise GradeTooLow(failed[0].sentence)


def _check_grade(profile: Profile, required: str) -> GateResult:
    held = profile.state == "Succeeded" and GRADES.index(profile.grade) >= GRADES.index(required)
    reasons = "; ".join(profile.grade_reasons) or profile.state
    return GateResult(
        kind="grade",
        name="grade",
        held=held,
        sentence=f"grade {profile.grade}, {required} is required" + ("" if held else f": {reasons}"),
        measured=profile.grade if profile.state == "Succeeded" else None,
        bound=f"below {required}",
    )
