"""The answer as people read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from plimsoll.deploy.plan.answer import Percentiles, PlanAnswer, ReplicaFacts, SettingFacts
from plimsoll.deploy.plan.cluster.duration import spoken
from plimsoll.deploy.plan.pages.table import money, settings_table
from plimsoll.profiling.advice.configuration import counted
from plimsoll.reports.units import milliseconds, number


def lines(answer: PlanAnswer) -> Iterator[str]:
    """The choice first; the last lines say what it rests on, and what is doubtful."""
    replica = answer.replica
    yield f"profile:   {answer.profile.name}, grade {answer.profile.grade}"
    yield f"traffic:   {traffic_sentence(answer)}"
    yield f"objective: {answer.objective}"
    yield f"choice:    {choice_sentence(answer)}"
    yield ""
    table = settings_table(answer)
    yield from _aligned([table.columns, *table.rows])
    yield ""
    yield f"replica:   {replica_sentence(replica)}"
    yield f"           {calibration_sentence(replica)}"
    yield f"pods:      {pods_sentence(answer)}"
    yield from answer.notes
    yield from (f"warning: {warning}" for warning in answer.warnings)


def traffic_sentence(answer: PlanAnswer) -> str:
    traffic = answer.traffic
    mean, most = number(traffic.mean_requests_per_second), number(traffic.most_requests_per_second)
    return f"{traffic.name}: {spoken(traffic.seconds)}, {mean} requests/s on average, {most} at the peak"


def choice_sentence(answer: PlanAnswer) -> str:
    best = answer.best
    if best is None:
        return "none: no setting that was tried keeps the objective"
    return f"{best.name}{_bounds(answer, best)}; {cost_sentence(answer, best)}"


def _bounds(answer: PlanAnswer, best: SettingFacts) -> str:
    return "" if best.kind == "fixed" else f", with {answer.least_replicas} to {answer.most_replicas} replicas allowed"


def cost_sentence(answer: PlanAnswer, setting: SettingFacts) -> str:
    hours = f"{number(setting.replica_hours)} replica-hours"
    if answer.compared_by == "replica-hours":
        return hours
    return f"{money(setting.cost)} for {hours}, {money(setting.cost_per_million_requests)} per million requests"


def replica_sentence(replica: ReplicaFacts) -> str:
    """How it is modelled."""
    each = f"each busy for {milliseconds(replica.service_seconds)} ms per request"
    if replica.largest_batch:
        each = f"each with batches of up to {replica.largest_batch}, {milliseconds(replica.service_seconds)} ms for one"
    capacity = f"{number(replica.capacity_requests_per_second)} requests/s at most ({replica.capacity_from})"
    return f"{counted(replica.servers, 'server')}, {each}; {capacity}; spread as the {replica.shape_from}"


def calibration_sentence(replica: ReplicaFacts) -> str:
    rate = number(replica.calibrated_at_requests_per_second)
    simulated, measured = _percentiles(replica.simulated), _percentiles(replica.measured)
    return f"at {rate} requests/s p50/p95/p99 {simulated} ms simulated, {measured} ms measured {replica.calibrated_to}"


def _percentiles(found: Percentiles) -> str:
    return "/".join(milliseconds(seconds) for seconds in (found.p50, found.p95, found.p99))


def pods_sentence(answer: PlanAnswer) -> str:
    """What was assumed of the cluster."""
    made = answer.assumptions
    text = f"ready {number(made.pod_seconds)} s after they are ordered"
    text += f"; requests shared out {'at random' if made.balance == 'random' else 'in turn'}"
    text += f"; metrics are {number(made.metrics_delay_seconds)} s old"
    if made.request_timeout_seconds:
        text += f"; clients wait for {number(made.request_timeout_seconds)} s"
    if made.nodes_lost_at_seconds:
        when = ", ".join(spoken(seconds) for seconds in made.nodes_lost_at_seconds)
        text += f"; a node with {counted(made.replicas_per_node, 'replica')} is lost after {when}"
    if made.node_mtbf_seconds:
        text += f"; each node is lost every {spoken(made.node_mtbf_seconds)} on average"
    return text


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first column and the last to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    last = len(widths) - 1
    for row in rows:
        cells = [
            cell.ljust(width) if column in (0, last) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
