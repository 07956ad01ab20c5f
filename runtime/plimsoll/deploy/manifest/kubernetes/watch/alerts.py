"""Alert rules at the load line: when a deployment has outgrown its profile, or is not what was profiled."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from plimsoll.deploy.manifest.document import Document, Noted, Tree
from plimsoll.deploy.manifest.kubernetes.metadata import metadata
from plimsoll.deploy.manifest.kubernetes.watch.queries import FAILED, Queries
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values
from plimsoll.profiling.advice.configuration import counted
from plimsoll.profiling.latency import MOST_FAILED_SHARE
from plimsoll.reports.units import milliseconds, number
from plimsoll.server.metrics.counters import SECONDS_BOUNDS

_WINDOW = "5m"
_PATIENCE = "10m"
TOLERANCE = 0.1
"""Within it the HorizontalPodAutoscaler, KEDA's too, changes nothing, unless the cluster is set up otherwise."""
_HEADROOM = 1.15
"""Of the memory recommendation (plimsoll.profiling.advice.memory)."""
_UNPLANNED = 'reason!~"reload|max_requests|max_memory"'


@dataclass(frozen=True, slots=True)
class Alert:
    """`lasting`: how long it must be true."""

    name: str
    expression: str
    why: str
    lasting: str
    why_so_long: str
    severity: str
    summary: str

    @property
    def rule(self) -> Tree:
        return {
            "alert": self.name,
            "expr": Noted(self.expression, self.why),
            "for": Noted(self.lasting, self.why_so_long),
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary},
        }


def rules(values: Values, options: ManifestOptions) -> Document:
    queries = Queries(values, options)
    groups = (_at_the_line, _memory, _slow, _broken)
    found = [alert for group in groups for alert in group(values, queries)]
    return Document(
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": metadata(values.name, options),
            "spec": {"groups": [{"name": values.name, "rules": [alert.rule for alert in found]}]},
        }
    )


def _at_the_line(values: Values, queries: Queries) -> Iterator[Alert]:
    needs = values.needs
    tolerance = TOLERANCE if values.replicas.scaling else 0.0
    passed = f", and an autoscaler lets {tolerance:.0%} more pass" if tolerance else ""
    long_enough = f"longer than the autoscaler needs: {values.probes.startup.budget_s} s for a start"
    yield Alert(
        "PlimsollPastLoadLine",
        f"{queries.offered_rps(_WINDOW)} / {queries.serving()} > {(1 + tolerance) * needs.rate_rps:.6g}",
        f"requests/s of each replica; its limits were proved at {number(needs.rate_rps)} and at none above it{passed}",
        _PATIENCE,
        long_enough,
        "warning",
        f"{values.name}: each replica gets more than the {number(needs.rate_rps)} requests/s it was profiled for. Raise"
        " the number of replicas, or profile again.",
    )
    refused = queries.rate("plimsoll_requests_total", queries.scoring, FAILED, window=_WINDOW)
    yield Alert(
        "PlimsollRefuses",
        f"sum({refused}) / {queries.offered_rps(_WINDOW)} > {MOST_FAILED_SHARE:g}",
        "a profile does not take a rate for carried at which more fail",
        _WINDOW,
        "as long as the window of the rate",
        "critical",
        f"{values.name}: more than {MOST_FAILED_SHARE:.0%} of the requests are refused or fail.",
    )


def _memory(values: Values, queries: Queries) -> Iterator[Alert]:
    """The sum of what the processes hold counts shared pages often: it is compared with the same sum when profiled."""
    measured = values.profile.measurements.memory.high_water_sum_bytes
    if measured is None:
        return
    yield Alert(
        "PlimsollMemoryPastProfile",
        f"sum by (pod) ({queries.of('plimsoll_process_resident_memory_bytes')}) > {math.ceil(_HEADROOM * measured)}",
        f"bytes: {measured / 1e6:.0f} MB were the most while profiled, and 15 % the headroom of its limit"
        f" ({values.resources.memory_limit.value})",
        _PATIENCE,
        "longer than a burst of large bodies",
        "warning",
        f"{values.name}: {{{{ $labels.pod }}}} holds more memory than it did when it was profiled.",
    )


def _slow(values: Values, queries: Queries) -> Iterator[Alert]:
    """The histogram cannot tell what lies between two of its bounds apart, nor anything above the last of them."""
    p99_s, where = max(_measured_p99s(values), default=(0.0, ""))
    bound_s = next((bound for bound in SECONDS_BOUNDS[:-1] if bound > p99_s), None)
    if not p99_s or bound_s is None:
        return
    yield Alert(
        "PlimsollSlow",
        f"{queries.quantile(0.99, _WINDOW)} > {bound_s:g}",
        f"s, the first bound of the histogram above the p99 of {milliseconds(p99_s)} ms that was measured {where}",
        _PATIENCE,
        "a new version may be warming up",
        "warning",
        f"{values.name}: p99 is above {milliseconds(bound_s)} ms; {milliseconds(p99_s)} ms were profiled.",
    )


def _measured_p99s(values: Values) -> Iterator[tuple[float, str]]:
    """On a full node, where only the request counts, latency is longer, and no reason for an alert."""
    evidence = values.profile.verification.evidence if values.profile.verification else None
    found = {
        "at the operating point": values.needs.p99_s,
        "inside the limits": evidence.limited_p99_seconds if evidence else None,
        "on a full node": evidence.full_node_p99_seconds if evidence else None,
    }
    return ((p99_s, where) for where, p99_s in found.items() if p99_s is not None)


def _broken(values: Values, queries: Queries) -> Iterator[Alert]:
    needs, start_s = values.needs, values.probes.startup.budget_s
    minutes = max(5, math.ceil(2 * start_s / 60))
    yield Alert(
        "PlimsollSlotsMissing",
        f"{queries.of('plimsoll_slots')} < {needs.slots}",
        f"{needs.workers} worker(s), {needs.threads} thread(s) each, as profiled",
        f"{minutes}m",
        f"a worker that is replaced may take as long as a start, {start_s} s",
        "warning",
        f"{values.name}: {{{{ $labels.pod }}}} serves with less than {counted(needs.slots, 'slot')}.",
    )
    yield Alert(
        "PlimsollWorkersRestart",
        f"sum by (pod, reason) (increase({queries.of('plimsoll_worker_restarts_total', _UNPLANNED)}[15m])) > 2",
        "in 15 minutes, those that were asked for left out: one may be chance",
        "0m",
        "it is a count over time already",
        "warning",
        f"{values.name}: workers of {{{{ $labels.pod }}}} are replaced again and again ({{{{ $labels.reason }}}}).",
    )
    yield Alert(
        "PlimsollGone",
        f"absent({queries.of('plimsoll_slots')} > 0)",
        "no replica can take a call",
        "1m",
        "four scrapes",
        "critical",
        f"{values.name}: no replica serves.",
    )
    if values.accelerator is not None:
        yield Alert(
            "PlimsollGpuLost",
            f"{queries.of('plimsoll_gpu_lost')} == 1",
            "the driver has lost a GPU",
            "0m",
            "it does not come back by itself",
            "critical",
            f"{values.name}: {{{{ $labels.pod }}}} has lost a GPU.",
        )
