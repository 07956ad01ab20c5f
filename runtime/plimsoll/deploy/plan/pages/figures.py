"""The sections of the page: what the settings cost, and how the best of each kind would go."""

from __future__ import annotations

from collections.abc import Sequence

from plimsoll.deploy.plan.answer import PlanAnswer, SettingFacts, best_of_each_kind
from plimsoll.deploy.plan.pages.table import settings_table
from plimsoll.deploy.plan.settings import Kind
from plimsoll.profiling.advice.configuration import counted
from plimsoll.reports.charts.choices import Choice, choices_chart
from plimsoll.reports.charts.courses import Lane, Series, courses_chart
from plimsoll.reports.parts import Figure, Pair, pair
from plimsoll.reports.units import milliseconds

_GROUPS: dict[Kind, tuple[str, str]] = {
    "fixed": ("fixed", "memory"),
    "hpa": ("HPA", "main"),
    "keda-rate": ("KEDA by rate", "third"),
    "keda-queue": ("KEDA by queue", "first"),
}
_DAYS_FROM_S, _HOURS_FROM_S, _MINUTES_FROM_S = 3 * 86400.0, 2 * 3600.0, 120.0


def figures(answer: PlanAnswer) -> list[Figure]:
    shown = best_of_each_kind(answer.settings)
    names = ", ".join(setting.name for setting in shown)
    return [
        Figure("The settings", _settings_caption(answer), _choices(answer), (settings_table(answer),)),
        Figure("Replicas over time", f"The best of each kind: {names}.", _replicas(answer, shown)),
        Figure("Latency over time", _latency_caption(answer), _latencies(answer, shown)),
    ]


def _settings_caption(answer: PlanAnswer) -> str:
    left = sum(setting.objective_latency_seconds is None for setting in answer.settings)
    missing = (
        f" Not in the chart: {counted(left, 'setting')} that refused too many for a {_axis(answer)}." if left else ""
    )
    return f"Each dot is a setting; rings fail the objective, {answer.objective}. The circle is the choice.{missing}"


def _axis(answer: PlanAnswer) -> str:
    return f"p{answer.objective_share * 100:g}"


def _limit(answer: PlanAnswer) -> tuple[float, str] | None:
    limit_s = answer.objective_seconds
    return None if limit_s is None else (limit_s * 1000, f"objective: {milliseconds(limit_s)} ms")


def _choices(answer: PlanAnswer) -> Pair | None:
    choices = [
        Choice(setting.name, *_GROUPS[setting.kind], setting.cost, latency_s * 1000, setting.kept, setting.chosen)
        for setting in answer.settings
        if (latency_s := setting.objective_latency_seconds) is not None
    ]
    unit = "cost" if answer.compared_by == "price" else "replica-hours"
    limit, title = _limit(answer), f"{_axis(answer)} of latency, ms"
    return pair(lambda width: choices_chart(choices, unit, title, limit, width)) if choices else None


def _clock(answer: PlanAnswer) -> tuple[float, str]:
    """Seconds in the unit of the axis, and its name."""
    seconds = answer.traffic.seconds
    if seconds >= _DAYS_FROM_S:
        return 86400.0, "days"
    if seconds >= _HOURS_FROM_S:
        return 3600.0, "hours"
    return (60.0, "minutes") if seconds >= _MINUTES_FROM_S else (1.0, "seconds")


def _replicas(answer: PlanAnswer, shown: Sequence[SettingFacts]) -> Pair:
    rates = Series("traffic", "ideal", [point.requests_per_second for point in shown[0].points], steps=True)
    counts = [
        Series(setting.name, _GROUPS[setting.kind][1], [point.replicas for point in setting.points], steps=True)
        for setting in shown
    ]
    lanes = (Lane("requests per second", (rates,)), Lane("replicas, ordered", counts))
    return _courses(answer, shown, lanes, "Traffic and replicas over time")


def _latencies(answer: PlanAnswer, shown: Sequence[SettingFacts]) -> Pair:
    p99s = [_series(setting, [point.p99_seconds for point in setting.points], 1000) for setting in shown]
    refused = [_series(setting, [point.refused_per_second for point in setting.points], 1) for setting in shown]
    lanes = [Lane("p99 of latency, ms", p99s, _limit(answer) if answer.objective_share == 0.99 else None, far=True)]
    if any(setting.refused for setting in shown):
        lanes.append(Lane("refused requests per second", refused))
    return _courses(answer, shown, lanes, "Latency over time")


def _series(setting: SettingFacts, values: Sequence[float | None], unit: float) -> Series:
    kind = _GROUPS[setting.kind][1]
    return Series(setting.name, kind, [None if value is None else value * unit for value in values], steps=True)


def _latency_caption(answer: PlanAnswer) -> str:
    gaps = any(point.p99_seconds is None for setting in best_of_each_kind(answer.settings) for point in setting.points)
    more = " Gaps: over 1 % of the requests were refused, or none came." if gaps else ""
    return f"The slowest hundredth, of the same settings.{more}"


def _courses(answer: PlanAnswer, shown: Sequence[SettingFacts], lanes: Sequence[Lane], label: str) -> Pair:
    unit_s, unit = _clock(answer)
    times = [point.seconds / unit_s for point in shown[0].points]
    end = answer.traffic.seconds / unit_s
    return pair(lambda width: courses_chart(times, end, unit, lanes, label, width))
