"""What the dashboard shows, as tables: rows of panels, each with its queries.

The windows are those of the alerts and of KEDA, not Grafana's: what is shown is what is acted on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plimsoll.deploy.manifest.kubernetes.watch.queries import FAILED, Queries
from plimsoll.deploy.manifest.values import Values
from plimsoll.reports.units import milliseconds, number

_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Query:
    """`legend` as Grafana writes it, with `{{label}}`. A `line` is what the others are held against."""

    expression: str
    legend: str
    line: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """`unit` by Grafana's names. A `share` is one number, red from 1 on; all others are plots over time."""

    title: str
    unit: str
    why: str
    queries: Sequence[Query]
    share: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: Sequence[Panel]


def rows(values: Values, queries: Queries) -> list[Row]:
    found = [
        Row("Load", [*_load(values, queries)]),
        Row("Latency", [*_latency(values, queries)]),
        Row("Size", [*_size(values, queries)]),
        Row("Queue and failures", [*_trouble(values, queries)]),
    ]
    return [*found, Row("GPU", [*_gpu(queries)])] if values.accelerator else found


def _load(values: Values, queries: Queries) -> Iterator[Panel]:
    line = queries.line("requests_per_second", f"{values.needs.rate_rps:.6g} * {queries.serving()}")
    answered = queries.rate("plimsoll_requests_total", queries.scoring, 'status="200"')
    yield Panel(
        "Requests",
        "reqps",
        f"What clients send, and what the replicas that serve were profiled for: {number(values.needs.rate_rps)}"
        " requests/s each, or what the tag beside the model says.",
        [
            Query(queries.offered_rps(), "asked for"),
            Query(f"sum({answered})", "answered with 200"),
            Query(line, "load line", line=True),
        ],
    )
    yield Panel(
        "Share of the load line",
        "percentunit",
        "From 100 % on each replica gets more than it was profiled for: more replicas, or another profile.",
        [Query(f"{queries.offered_rps()} / ({line})", "used")],
        share=True,
    )
    yield Panel(
        "Replicas that serve",
        "short",
        "Those that have a slot for calls.",
        [Query(f"{queries.serving()} or vector(0)", "replicas")],
    )


def _latency(values: Values, queries: Queries) -> Iterator[Panel]:
    shown = [Query(queries.quantile(share), name) for name, share in _SHARES.items()]
    if (p99_s := values.needs.p99_s) is not None:
        shown.append(Query(f"vector({p99_s:.6g})", "p99, profiled", line=True))
    yield Panel(
        "Latency",
        "s",
        "From the request's head to the last byte of the answer, to the nearest bounds of the histogram"
        + (f"; {milliseconds(p99_s)} ms was the p99 when profiled." if p99_s is not None else "."),
        shown,
    )
    means = {"run()": "plimsoll_run_seconds", "waiting for a slot": "plimsoll_queue_wait_seconds"}
    yield Panel(
        "Where the time goes",
        "s",
        "Means. Where waiting grows and run() does not, replicas are missing; where run() grows, the model or its"
        " requests have.",
        [Query(queries.mean(metric), name) for name, metric in means.items()],
    )


def _size(values: Values, queries: Queries) -> Iterator[Panel]:
    needs = values.needs
    cores = queries.rate("plimsoll_process_cpu_seconds_total")
    yield Panel(
        "Cores of each replica",
        "short",
        "The request is what keeps the rate on a full node, the limit what keeps the latency.",
        [
            Query(f"sum by (pod) ({cores})", "{{pod}}"),
            Query(queries.line("request_cores", f"vector({needs.request_cores:g})", "max"), "request", line=True),
            Query(queries.line("limit_cores", f"vector({needs.limit_cores:g})", "max"), "limit", line=True),
        ],
    )
    yield Panel(
        "Memory of each replica",
        "bytes",
        "The sum of what its processes hold. Pages that they share count for each of them, so it may pass the limit.",
        [
            Query(f"sum by (pod) ({queries.of('plimsoll_process_resident_memory_bytes')})", "{{pod}}"),
            Query(queries.line("memory_bytes", f"vector({needs.limit_bytes})", "max"), "limit", line=True),
        ],
    )


def _trouble(values: Values, queries: Queries) -> Iterator[Panel]:
    yield Panel(
        "Calls under way",
        "short",
        f"Of all replicas, {values.needs.slots} at a time in each; the others wait.",
        [
            Query(f"sum({queries.of('plimsoll_requests_in_flight')})", "handed to slots"),
            Query(f"sum({queries.of('plimsoll_queue_length')})", "waiting"),
            Query(f"sum({queries.of('plimsoll_slots')})", "slots", line=True),
        ],
    )
    failed = queries.rate("plimsoll_requests_total", queries.scoring, FAILED)
    yield Panel(
        "Refused and failed",
        "reqps",
        "429: the queue is full or the wait would be too long. 504: the call took too long. Others of 500 and above:"
        " the script or its worker failed.",
        [Query(f"sum by (status) ({failed})", "{{status}}")],
    )
    restarts = f"increase({queries.of('plimsoll_worker_restarts_total')}[15m])"
    yield Panel(
        "Workers replaced",
        "short",
        "Within 15 minutes, by reason.",
        [Query(f"sum by (reason) ({restarts})", "{{reason}}")],
    )


def _gpu(queries: Queries) -> Iterator[Panel]:
    def each(metric: str, legend: str = "{{pod}} {{gpu}}", line: bool = False) -> Query:
        return Query(queries.of(f"plimsoll_gpu_{metric}"), legend, line)

    yield Panel(
        "GPU memory",
        "bytes",
        "In use by any process, and how much there is.",
        [each("memory_used_bytes"), each("memory_total_bytes", "{{pod}} {{gpu}}, all of it", line=True)],
    )
    yield Panel(
        "GPU busy",
        "percentunit",
        "The share of time in which at least one kernel ran.",
        [each("utilization_ratio")],
    )
    yield Panel("GPU power", "watt", "Now.", [each("power_watts")])
    throttled = f"max by (reason) ({queries.of('plimsoll_gpu_throttled')})"
    yield Panel(
        "GPU lost or throttled",
        "short",
        "1 where the driver has lost it, or its clocks are throttled for this reason.",
        [Query(f"max({queries.of('plimsoll_gpu_lost')})", "lost"), Query(throttled, "{{reason}}")],
    )
