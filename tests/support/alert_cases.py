"""Cases for promtool: series that make an alert fire, and series at which it must keep quiet.

What is expected is reasoned here from what was profiled, not taken from the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

STEP_S = 15
STEPS = 120
"""Half an hour of scrapes."""
NAME, NAMESPACE = "digits", "prod"

Series = dict[str, str]
"""Values in promtool's notation, by the text of the series."""


@dataclass(frozen=True)
class Line:
    """What a profile says: of the rate that was proved, p99 and memory those of support.manifests.profiled.

    `late_s`: the first bound of the request histogram above the measured p99. `slots_minutes`: twice the longest start.
    """

    rate_rps: float = 63.6
    slots: int = 1
    memory_bytes: float = 98e6
    late_s: float = 0.05
    slots_minutes: int = 5
    gpu: bool = False


@dataclass(frozen=True)
class Case:
    """At each of `quiet_at` minutes nothing fires, at each of `fires_at` the alert does, once, with these labels."""

    alert: str
    what: str
    series: Series
    fires_at: tuple[int, ...] = ()
    quiet_at: tuple[int, ...] = ()
    labels: Mapping[str, str] | None = None

    def as_promtool(self, summary: str, severity: str) -> dict[str, Any]:
        return {
            "name": f"{self.alert}: {self.what}",
            "interval": f"{STEP_S}s",
            "input_series": [{"series": series, "values": values} for series, values in self.series.items()],
            "alert_rule_test": [
                {
                    "eval_time": f"{minute}m",
                    "alertname": self.alert,
                    "exp_alerts": self._expected(minute, summary, severity),
                }
                for minute in sorted(self.fires_at + self.quiet_at)
            ],
        }

    def _expected(self, minute: int, summary: str, severity: str) -> list[dict[str, Any]]:
        if minute in self.quiet_at:
            return []
        for name, text in (self.labels or {}).items():
            summary = summary.replace(f"{{{{ $labels.{name} }}}}", text)
        labels = {"severity": severity, **(self.labels or {})}
        return [{"exp_labels": labels, "exp_annotations": {"summary": summary}}]


def of(metric: str, pod: str, **labels: str) -> str:
    given = {"job": NAME, "namespace": NAMESPACE, "pod": pod, **labels}
    selector = ",".join(f'{name}="{text}"' for name, text in given.items())
    return f"{metric}{{{selector}}}"


def steady(value: float) -> str:
    return f"{value:.10g}+0x{STEPS}"


def counting(per_second: float) -> str:
    return f"0+{per_second * STEP_S:.10g}x{STEPS}"


def scored(pod: str, per_second: float, status: int = 200) -> Series:
    labels = {"route": "/score", "outcome": "any", "status": str(status)}
    return {of("plimsoll_requests_total", pod, **labels): counting(per_second)}


def slots(pod: str, count: int) -> Series:
    return {of("plimsoll_slots", pod): steady(count)}


def cases(line: Line) -> Iterator[Case]:
    yield from _rate(line)
    yield from _refusals(line)
    yield from _memory(line)
    yield from _latency(line)
    yield from _slots(line)
    yield from _restarts()
    yield from _gone(line)
    if line.gpu:
        yield from _gpu()


def _rate(line: Line) -> Iterator[Case]:
    """With an autoscaler, a tenth more may pass; 5 minutes of a rate, and that for 10 minutes."""
    both = slots("a", line.slots) | slots("b", line.slots)
    name = "PlimsollPastLoadLine"
    above = scored("a", 1.12 * line.rate_rps) | scored("b", 1.12 * line.rate_rps)
    yield Case(name, "each gets 12 % too much", above | both, fires_at=(20,), quiet_at=(9,))
    uneven = scored("a", 1.5 * line.rate_rps) | scored("b", 0.66 * line.rate_rps)
    yield Case(name, "8 % too much, though one gets half as much again", uneven | both, quiet_at=(9, 20))
    one = slots("a", line.slots) | slots("b", 0)
    yield Case(name, "one that has no slot carries nothing", scored("a", 1.2 * line.rate_rps) | one, fires_at=(20,))
    probes = of("plimsoll_requests_total", "a", route="/health/ready", outcome="any", status="200")
    yield Case(name, "probes are no load", {probes: counting(9 * line.rate_rps)} | both, quiet_at=(20,))


def _refusals(line: Line) -> Iterator[Case]:
    name = "PlimsollRefuses"
    good = scored("a", 0.4925 * line.rate_rps) | scored("b", 0.4925 * line.rate_rps)
    refused = scored("a", 0.0075 * line.rate_rps, 429) | scored("b", 0.0075 * line.rate_rps, 504)
    yield Case(name, "1.5 % refused or failed", good | refused, fires_at=(12,), quiet_at=(4,))
    few = scored("a", 0.005 * line.rate_rps, 503)
    yield Case(name, "half a percent", good | few, quiet_at=(12,))
    yield Case(name, "the clients' own mistakes", good | scored("b", 0.2 * line.rate_rps, 400), quiet_at=(12,))


def _memory(line: Line) -> Iterator[Case]:
    """15 % are the headroom of the limit."""
    name, metric = "PlimsollMemoryPastProfile", "plimsoll_process_resident_memory_bytes"
    front = 0.3 * line.memory_bytes

    def held(pod: str, times: float) -> Series:
        worker = times * line.memory_bytes - front
        return {of(metric, pod, process="front"): steady(front), of(metric, pod, process="worker-0"): steady(worker)}

    grown = held("a", 1.16) | held("b", 1.14)
    yield Case(name, "one of two past it", grown, fires_at=(12,), quiet_at=(9,), labels={"pod": "a"})
    yield Case(name, "within the headroom", held("a", 1.14) | held("b", 1.0), quiet_at=(12, 29))


def _latency(line: Line) -> Iterator[Case]:
    name = "PlimsollSlow"

    def answered(in_time: float) -> Series:
        upto = {"0.0005": 0.0, f"{line.late_s:g}": in_time, "60.0": 1.0, "+Inf": 1.0}
        return {
            of("plimsoll_request_seconds_bucket", "a", le=bound): counting(share * line.rate_rps)
            for bound, share in upto.items()
        }

    yield Case(name, "1.5 % later than the bound", answered(0.985), fires_at=(20,), quiet_at=(9,))
    yield Case(name, "half a percent later", answered(0.995), quiet_at=(20,))


def _slots(line: Line) -> Iterator[Case]:
    name, minutes = "PlimsollSlotsMissing", line.slots_minutes
    labels = {"job": NAME, "namespace": NAMESPACE, "pod": "a"}
    fewer = slots("a", line.slots - 1) | slots("b", line.slots)
    yield Case(name, "one fewer", fewer, fires_at=(minutes + 1,), quiet_at=(minutes - 1,), labels=labels)
    yield Case(name, "as profiled", slots("a", line.slots) | slots("b", line.slots), quiet_at=(minutes + 1, 29))


def _restarts() -> Iterator[Case]:
    """Counted from 10 minutes on; 20 minutes are 80 scrapes."""
    name, metric = "PlimsollWorkersRestart", "plimsoll_worker_restarts_total"
    four = f"0+0x40 1+0x10 2+0x10 3+0x10 4+0x{STEPS - 70}"
    died = {of(metric, "a", reason="died"): four}
    yield Case(name, "four died", died, fires_at=(20,), quiet_at=(9,), labels={"pod": "a", "reason": "died"})
    yield Case(name, "four were asked for", {of(metric, "a", reason="reload"): four}, quiet_at=(20,))
    yield Case(name, "one died", {of(metric, "a", reason="died"): f"0+0x40 1+0x{STEPS - 40}"}, quiet_at=(20,))


def _gone(line: Line) -> Iterator[Case]:
    name = "PlimsollGone"
    other = {of("plimsoll_slots", "a").replace(NAMESPACE, "other"): steady(1)}
    yield Case(name, "nothing is scraped, but in another namespace", other, fires_at=(2,))
    yield Case(name, "no slot anywhere", slots("a", 0) | slots("b", 0), fires_at=(2,), quiet_at=(0,))
    yield Case(name, "one of two serves", slots("a", 0) | slots("b", line.slots), quiet_at=(2, 29))


def _gpu() -> Iterator[Case]:
    name, own = "PlimsollGpuLost", {"gpu": "0", "uuid": "GPU-1"}
    labels = {"job": NAME, "namespace": NAMESPACE, "pod": "a", **own}
    lost = of("plimsoll_gpu_lost", "a", **own)
    yield Case(name, "lost after 5 minutes", {lost: f"0+0x20 1+0x{STEPS - 20}"}, (6,), (4,), labels)
    yield Case(name, "none lost", {lost: steady(0)}, quiet_at=(6, 29))
