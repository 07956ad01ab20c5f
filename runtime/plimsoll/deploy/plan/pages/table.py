"""The settings as a table, for the console and for the page."""

from __future__ import annotations

from plimsoll.deploy.plan.answer import PlanAnswer, SettingFacts
from plimsoll.reports.parts import TableData
from plimsoll.reports.units import UNKNOWN, milliseconds, number

_REFUSED = "refused"


def settings_table(answer: PlanAnswer) -> TableData:
    """In the order in which they were tried."""
    return TableData(_columns(answer), tuple(_row(answer, setting) for setting in answer.settings))


def _columns(answer: PlanAnswer) -> tuple[str, ...]:
    costs = ("cost", "per million") if answer.compared_by == "price" else ()
    return ("setting", "replicas", "replica-hours", *costs, "p50 ms", "p95 ms", "p99 ms", "refused", "in time", "")


def _row(answer: PlanAnswer, setting: SettingFacts) -> tuple[str, ...]:
    least, most, latency = setting.least_replicas, setting.most_replicas, setting.latency_seconds
    costs = (money(setting.cost), money(setting.cost_per_million_requests)) if answer.compared_by == "price" else ()
    times = (latency.p50, latency.p95, latency.p99)
    return (
        setting.name,
        f"{least:,}" if least == most else f"{least:,} to {most:,}",
        number(setting.replica_hours),
        *costs,
        *(
            (_REFUSED if setting.requests else UNKNOWN) if seconds is None else milliseconds(seconds)
            for seconds in times
        ),
        fine_share(setting.refused_share),
        fine_share(setting.within_objective),
        "cheapest" if setting.chosen else "passed" if setting.kept else "failed",
    )


def fine_share(share: float) -> str:
    """In per cent, with as many digits as the nines, or what is missing of them, ask for."""
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    return f"{100 * share:.2f}%" if 0.0001 <= share <= 0.9999 else ("<0.01%" if share < 0.5 else ">99.99%")


def money(amount: float | None) -> str:
    """Cents, and four digits of what is less than ten."""
    if amount is None:
        return UNKNOWN
    return f"{amount:,.2f}" if amount >= 10 else f"{amount:.4g}"
