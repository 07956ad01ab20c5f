"""One picture: throughput and CPU per request of each workload, as bars from zero with the spread of the rounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from benchmarks.peers.peer import Peer
from benchmarks.report.summary import Figure, Summary
from benchmarks.report.tables import headline, number
from benchmarks.workloads import Workload

_TEMPLATE = Path(__file__).with_name("picture.svg.jinja")


@dataclass(frozen=True, slots=True)
class Bar:
    """`kind` is the class of its colour; lengths are shares of the longest bar."""

    name: str
    kind: str
    label: str
    length: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    rates: list[Bar]
    costs: list[Bar]


def picture(summary: Summary, peers: Sequence[Peer], workloads: Sequence[Workload]) -> str:
    """As SVG, legible on light and dark pages."""
    panels = [_panel(summary, peers, workload) for workload in workloads if headline(workload)]
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_TEMPLATE.read_text()).render(panels=panels)


def _panel(summary: Summary, peers: Sequence[Peer], workload: Workload) -> Panel:
    connections = headline(workload)
    title = f"{workload.title}, {connections} connections"
    rates, costs = (_bars(summary, peers, workload.name, connections, name) for name in ("rate", "cpu_us"))
    return Panel(title, rates, costs)


def _bars(summary: Summary, peers: Sequence[Peer], workload: str, connections: int, name: str) -> list[Bar]:
    found = [(peer, summary.figure(peer.name, workload, connections, name)) for peer in peers]
    longest = max((figure.most for _, figure in found if figure), default=1.0)
    return [_bar(peer, figure, longest) for peer, figure in found if figure]


def _bar(peer: Peer, figure: Figure, longest: float) -> Bar:
    kind = "ceiling" if peer.ceiling else "ours" if peer.name == "plimsoll" else "peer"
    lengths = (length / longest for length in (figure.median, figure.least, figure.most))
    return Bar(peer.title.strip("*"), kind, number(figure.median), *lengths)
