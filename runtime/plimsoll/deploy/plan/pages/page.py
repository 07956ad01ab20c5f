"""`plan.html`: the whole plan on one page that fetches nothing."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from plimsoll.deploy.plan.answer import PlanAnswer, SettingFacts
from plimsoll.deploy.plan.cluster.duration import spoken
from plimsoll.deploy.plan.pages.figures import figures
from plimsoll.deploy.plan.pages.table import fine_share, money
from plimsoll.deploy.plan.pages.text import calibration_sentence, pods_sentence, replica_sentence, traffic_sentence
from plimsoll.reports.html.cards import Card
from plimsoll.reports.html.template import render
from plimsoll.reports.units import milliseconds, number


def render_page(answer: PlanAnswer) -> str:
    """Of a plan without a choice too."""
    return render(
        "plan.html.j2",
        "plimsoll.deploy.plan.pages",
        answer=answer,
        traffic=traffic_sentence(answer),
        cards=list(_cards(answer)),
        figures=figures(answer),
        facts=list(_facts(answer)),
    )


def _cards(answer: PlanAnswer) -> Iterator[Card]:
    best = answer.best
    if best is None:
        return
    yield _card("Cheapest setting", best.name, "", _replicas(answer, best))
    if answer.compared_by == "price":
        detail = f"{money(best.cost_per_million_requests)} per million requests"
        yield _card(f"Cost in {spoken(answer.traffic.seconds)}", money(best.cost), "", detail)
    else:
        yield _card(f"Cost in {spoken(answer.traffic.seconds)}", number(best.replica_hours), "replica-hours", "")
    latency = best.latency_seconds
    detail = f"p50 {milliseconds(latency.p50)} ms, p95 {milliseconds(latency.p95)} ms"
    refused = f"{fine_share(best.refused_share)} of the requests refused"
    yield _card("p99 of latency", milliseconds(latency.p99), "ms", f"{detail}; {refused}")


def _replicas(answer: PlanAnswer, best: SettingFacts) -> str:
    if best.kind == "fixed":
        return "all the time"
    allowed = f"{answer.least_replicas} to {answer.most_replicas} allowed"
    return f"{best.least_replicas:,} to {best.most_replicas:,} replicas, {allowed}"


def _card(title: str, value: str, unit: str, detail: str) -> Card:
    return Card(title=title, value=value, unit=unit, gauge=Markup(""), detail=detail, reason="")


def _facts(answer: PlanAnswer) -> Iterator[tuple[str, str]]:
    profile, replica, made = answer.profile, answer.replica, answer.assumptions
    yield "Profile", f"{profile.name} of {profile.created_time}, grade {profile.grade}, SHA-256 {profile.digest}"
    yield "Objective", answer.objective
    yield "Replica", replica_sentence(replica)
    yield "Held against the measurement", calibration_sentence(replica)
    if replica.pauses:
        often, long = number(replica.pauses.per_second), milliseconds(replica.pauses.mean_seconds)
        yield "Pauses", f"{often} times in a second of work, for {long} ms on average: fitted to p95 and p99"
    yield "Pods", pods_sentence(answer)
    yield "Scaling down", f"to the most that was wished for in {spoken(made.scale_down_window_seconds)}"
    yield "Seed", str(made.seed)
    yield "Simulation", "; ".join(answer.notes)
