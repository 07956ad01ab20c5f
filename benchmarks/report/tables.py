"""Markdown tables of the figures: an overview, then each workload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.peers.peer import Peer
from benchmarks.report.summary import Figure, Summary
from benchmarks.sample import Failure
from benchmarks.workloads import Workload

DISTURBED = "\\*"
"""Marks a figure that others disturbed in one of its rounds, every time that it was taken."""


@dataclass(frozen=True, slots=True)
class Column:
    """`compared`: a column with the ratio to the base follows."""

    name: str
    title: str
    compared: bool = False


LOAD = (
    Column("rate", "requests/s", compared=True),
    Column("p50_ms", "p50 ms", compared=True),
    Column("p99_ms", "p99 ms"),
    Column("cpu_us", "CPU µs per request", compared=True),
    Column("first_ms", "first chunk, p50 ms"),
    Column("probe_p99_ms", "health probe, p99 ms"),
)
ONCE = (
    Column("connection_s", "connections refused for, s"),
    Column("health_s", "first health answer, s"),
    Column("start_s", "first answer of the model, s"),
    Column("idle_mb", "memory idle, MB"),
    Column("loaded_mb", "after the load, MB"),
    Column("later_mb", "30 s later, MB"),
)


@dataclass(frozen=True, slots=True)
class Tables:
    summary: Summary
    peers: Sequence[Peer]
    workloads: Sequence[Workload]
    failures: Sequence[Failure]

    def lines(self) -> Iterator[str]:
        yield from self._overview()
        for workload in self.workloads:
            yield from ("", f"### {workload.title}")
            for connections in (*workload.connections, 0):
                yield from self._table(workload, connections)
            yield from self._missing(workload)

    def _overview(self) -> Iterator[str]:
        loads = [one for one in self.workloads if headline(one)]
        if loads:
            yield "Requests per second · CPU per request; connections in brackets."
            yield ""
            yield from table(["", *(f"`{one.name}` ({headline(one)})" for one in loads)], map(self._brief, self.peers))

    def _brief(self, peer: Peer) -> list[str]:
        loads = ((workload.name, headline(workload)) for workload in self.workloads if headline(workload))
        return [peer.title, *(self._rate_and_cost(peer, *load) for load in loads)]

    def _rate_and_cost(self, peer: Peer, workload: str, connections: int) -> str:
        found = (self.summary.figure(peer.name, workload, connections, name) for name in ("rate", "cpu_us"))
        return " · ".join(_short(figure) for figure in found if figure)

    def _table(self, workload: Workload, connections: int) -> Iterator[str]:
        known = {column.name: column for column in (LOAD if connections else ONCE)}
        columns = [known[name] for name in self.summary.has(workload.name, connections, list(known))]
        if not columns:
            return
        first = f"{connections} connection{'s' if connections > 1 else ''}" if connections else ""
        head = [first, *(title for column in columns for title in _titles(column))]
        yield ""
        yield from table(head, (self._row(peer, workload, connections, columns) for peer in self.peers))

    def _row(self, peer: Peer, workload: Workload, connections: int, columns: Sequence[Column]) -> list[str]:
        cells = [peer.title]
        for column in columns:
            figure = self.summary.figure(peer.name, workload.name, connections, column.name)
            cells.append(_full(figure) if figure else "")
            if column.compared:
                cells.append(_ratio(figure) if figure else "")
        return cells

    def _missing(self, workload: Workload) -> Iterator[str]:
        titles = {peer.name: peer.title for peer in self.peers}
        missing = [failure for failure in self.failures if failure.workload == workload.name]
        yield from ("",) * bool(missing)
        yield from (f"- {titles[failure.peer]}: {one_line(failure.reason)}" for failure in missing)


def headline(workload: Workload) -> int:
    """The number of connections that the overview shows; 0 for a workload without a load."""
    return 32 if 32 in workload.connections else max(workload.connections, default=0)


def number(value: float) -> str:
    """Three digits that count, or all before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def _titles(column: Column) -> list[str]:
    return [column.title, "to bare"] if column.compared else [column.title]


def _short(figure: Figure) -> str:
    return number(figure.median) + ("" if figure.quiet else DISTURBED)


def _ratio(figure: Figure) -> str:
    if figure.to_base is None:
        return ""
    return f"{figure.to_base:.2f}" + ("" if figure.quiet and figure.base_quiet else DISTURBED)


def _full(figure: Figure) -> str:
    spread = "" if figure.least == figure.most else f" ({number(figure.least)} to {number(figure.most)})"
    return _short(figure) + spread


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: bool = True) -> Iterator[str]:
    """Numbers stand to the right; the first column never has any."""
    yield _line(head)
    yield _line(["---", *["---:" if numbers else "---"] * (len(head) - 1)])
    yield from map(_line, rows)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def one_line(text: str) -> str:
    """For a cell or a list: no breaks, no bars, no more than a reader wants."""
    return " ".join(text.replace("|", "\\|").split())[:300]
