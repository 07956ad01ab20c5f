"""What one `plimsoll plan` is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from plimsoll.deploy.flags import parse_bounds
from plimsoll.deploy.plan.cluster.duration import parse_duration
from plimsoll.deploy.plan.cluster.nodes import Nodes
from plimsoll.deploy.plan.cluster.traffic import Traffic, parse_swing, read_traffic
from plimsoll.deploy.plan.price import Prices
from plimsoll.deploy.plan.replica.evidence import Node
from plimsoll.deploy.plan.settings import Kind, Setting
from plimsoll.errors import UsageError
from plimsoll.profiling.advice.slo import Slo, parse_slo

SCHEDULED_S = 5.0
"""From a pod's creation until its containers are started, at most, for 99 % of pods and without pulling images: the
service level objective of Kubernetes itself (github.com/kubernetes/community, slos/pod_startup_latency.md)."""
Balance = Literal["random", "round-robin"]
"""How requests are shared out: kube-proxy's iptables and nftables choose at random; HAProxy and nginx take turns."""
_PEAK = "peak"
_KINDS: Mapping[str, Kind] = {
    "replicas": "fixed", "hpa": "hpa", "keda_rate": "keda-rate", "keda_queue": "keda-queue",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """`settings` are the only ones to try, if there are any. `least` and `most` replicas bound the autoscalers."""

    traffic: Traffic
    slo: Slo | None
    settings: tuple[Setting, ...]
    least: int
    most: int | None
    window_s: float
    scheduled_s: float
    metrics_delay_s: float
    request_timeout_s: float | None
    node: Node
    nodes: Nodes
    balance: Balance
    prices: Prices
    seed: int


def options_of(given: Mapping[str, Any]) -> PlanOptions:
    """From the command line. Raises UsageError, and TableError for the traffic."""
    traffic = _traffic(given["traffic"], given["rps"])
    if given["node_price"] is not None and given["replica_price"] is not None:
        raise UsageError("--node-price and --replica-price exclude each other", remedy="give the one that is billed")
    least, most = _bounds(given["autoscale"])
    settings = tuple(_settings(given))
    if least == 0 and any(setting.kind == "hpa" for setting in settings):
        raise UsageError("--autoscale 0 and --hpa exclude each other", remedy="the HPA keeps one replica, KEDA none")
    if least == 0 and any(setting.kind == "keda-queue" for setting in settings):
        raise UsageError(
            "--autoscale 0 and --keda-queue exclude each other",
            remedy="where nothing runs nothing is under way: use --keda-rate",
        )
    return PlanOptions(
        traffic=traffic,
        slo=parse_slo(given["slo"]) if given["slo"] else None,
        settings=settings,
        least=least,
        most=most,
        window_s=given["scale_down_window"],
        scheduled_s=given["pod_start"],
        metrics_delay_s=given["metrics_delay"],
        request_timeout_s=given["request_timeout"],
        node="full" if given["full_node"] else "quiet",
        nodes=_nodes(given, traffic),
        balance=given["balance"],
        prices=Prices(given["node_price"], given["replica_price"]),
        seed=given["seed"],
    )


def _traffic(table: Path | None, swing: str | None) -> Traffic:
    if table is not None and swing is None:
        return read_traffic(table)
    if swing is not None and table is None:
        return parse_swing(swing)
    what = "--traffic and --rps exclude each other" if table else "--traffic is missing"
    raise UsageError(what, remedy="give --traffic FILE.csv, or --rps low:high:period")


def _bounds(text: str | None) -> tuple[int, int | None]:
    if text is None:
        return 1, None
    return parse_bounds(text, 0)


def _settings(given: Mapping[str, Any]) -> Iterator[Setting]:
    for name, kind in _KINDS.items():
        values: Sequence[float] = given[name]
        yield from (Setting(kind, value) for value in dict.fromkeys(values))


def _nodes(given: Mapping[str, Any], traffic: Traffic) -> Nodes:
    mtbf_s = None
    if given["node_mtbf"] is not None:
        mtbf_s = parse_duration(given["node_mtbf"])
        if not mtbf_s:
            raise UsageError(f"--node-mtbf {given['node_mtbf']!r}: no length of time above 0", remedy="as in 90d")
    return Nodes(given["replicas_per_node"], tuple(_when(text, traffic) for text in given["lose_node"]), mtbf_s)


def _when(text: str, traffic: Traffic) -> float:
    at_s = traffic.peak_s if text == _PEAK else parse_duration(text)
    if at_s is None or at_s >= traffic.seconds:
        raise UsageError(f"--lose-node {text!r}: no time within the traffic", remedy=f"as in 90m, or {_PEAK}")
    return at_s
