"""Phase: every row once, one at a time. Which rows fail, and what each costs in time, CPU and memory."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from plimsoll.profiling.dataset.rows import Dataset, Row
from plimsoll.profiling.dataset.sampling import visiting_order
from plimsoll.profiling.load.client import RowAnswer
from plimsoll.profiling.load.requests import OUTCOME_TIMEOUT
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.measure.server import Load, ServerUnderTest
from plimsoll.profiling.result.measurements import FailedRow, HeavyRow, RowCosts, RowsResult
from plimsoll.profiling.statistics import spread_out, squared_variation

_LOST_WORKER = {"502", "503", "504"}
_HUNG = {OUTCOME_TIMEOUT, "504"}
_MOST_HANGS_IN_A_ROW = 3
_BUSY_SHARE = 0.1
_NAMED = 10
_HEAVIEST = 5
_MOST_ROWS = 300


def harms(outcome: str) -> bool:
    """Whether that is how a row ends that cost a worker its life, or hung: it would disturb the load of the others."""
    return not outcome.isdigit() or outcome in _LOST_WORKER


@dataclass(frozen=True, slots=True)
class RowCost:
    """One row alone on the server; `peak_bytes` is how far memory rose above where it was, None where unknown."""

    index: int
    answer: RowAnswer
    cpu_s: float
    peak_bytes: int | None

    @property
    def harms(self) -> bool:
        """True when the row cost a worker its life, or hung."""
        return harms(self.answer.outcome)


@dataclass(frozen=True, slots=True)
class Census:
    """What each row costs, by its index. `busy_threads`: threads of one worker that shared the work of one request."""

    rows: Mapping[int, RowCost] = field(default_factory=dict)
    first_request: RowCost | None = None
    memory: TreeMemory | None = None
    incomplete: str | None = None
    busy_threads: int = 0

    def failed(self) -> list[RowCost]:
        """In the order of the dataset."""
        return sorted((row for row in self.rows.values() if not row.answer.succeeded), key=lambda row: row.index)

    def harmful(self) -> frozenset[int]:
        """Rows that disturb the load of the others."""
        return frozenset(row.index for row in self.failed() if row.harms)

    def succeeded(self) -> list[RowCost]:
        """In the order of the dataset."""
        return sorted((row for row in self.rows.values() if row.answer.succeeded), key=lambda row: row.index)

    def squared_variation(self) -> float | None:
        """CV² of the time that a row takes."""
        return squared_variation([row.answer.latency_s for row in self.succeeded()])

    def rises_bytes(self) -> list[int]:
        """How far memory rose for each row, as far as that is known."""
        return [row.peak_bytes for row in self.rows.values() if row.peak_bytes is not None]

    def cores(self) -> float:
        """CPU time of the rows over the time they took, one at a time; 0 where nothing was answered."""
        rows = self.succeeded()
        elapsed_s = sum(row.answer.latency_s for row in rows)
        return sum(row.cpu_s for row in rows) / elapsed_s if elapsed_s else 0.0

    def mean_latency_s(self) -> float | None:
        """Of the rows that were answered."""
        latencies = [row.answer.latency_s for row in self.succeeded() or self.rows.values()]
        return sum(latencies) / len(latencies) if latencies else None


def take_census(server: ServerUnderTest, budget_s: float) -> Iterator[Census]:
    """Sends the rows; when time runs out, those that were sent are spread evenly over the sizes of all.

    Yields after each row, so that what was measured is there even when the server is lost. The first request of a
    fresh worker also pays for what the script puts off until then: it is kept apart, and the rows that met fresh
    workers are sent once more.
    """
    watch = server.begin("census", budget_s)
    order = list(visiting_order([len(row.body) for row in server.dataset.rows]))
    rows: dict[int, RowCost] = {}
    # All results share the rows, which are copied no more than once: there may be ten thousand.
    found = Census(MappingProxyType(rows))
    hangs, threads_before = 0, server.meter.worker_threads_ns()
    for position, index in enumerate(order):
        if watch.left_s() <= 0 and rows:
            why = f"there was time for {position} of {len(order)} rows, spread over all sizes"
            found = dataclasses.replace(found, incomplete=why)
            break
        rows[index] = cost = _measure(server, index)
        found = found if found.first_request else dataclasses.replace(found, first_request=cost)
        yield found
        hangs = hangs + 1 if cost.answer.outcome in _HUNG else 0
        if hangs == _MOST_HANGS_IN_A_ROW:
            why = f"the server hung on {hangs} rows one after the other; {position + 1} of {len(order)} rows were sent"
            found = dataclasses.replace(found, incomplete=why)
            break
        if cost.harms:
            server.wait_until_ready(server.request_timeout_s)
    yield found
    for index in order[: server.options.slots]:
        if index in rows and rows[index].answer.succeeded and watch.left_s() > 0:
            rows[index] = _measure(server, index)
    threads = _busy_threads(threads_before, server.meter.worker_threads_ns())
    yield dataclasses.replace(found, busy_threads=threads, memory=server.meter.memory())


def _busy_threads(before: dict[tuple[int, int], dict[int, int]], after: dict[tuple[int, int], dict[int, int]]) -> int:
    """The most threads in one process that each did at least a tenth of its work."""
    counts = [0]
    for key, threads in after.items():
        used_ns = [ran_ns - before.get(key, {}).get(thread, 0) for thread, ran_ns in threads.items()]
        counts.append(sum(ran_ns >= _BUSY_SHARE * sum(used_ns) > 0 for ran_ns in used_ns))
    return max(counts)


def _measure(server: ServerUnderTest, index: int) -> RowCost:
    meter = server.meter
    meter.reset_peaks()
    peak_before_bytes, cpu_before_s = meter.known_peaks_bytes(), meter.known_cpu_s()
    answer = server.send_row(index)
    cpu_s = meter.known_cpu_s() - cpu_before_s
    rise_bytes = max(0, meter.known_peaks_bytes() - peak_before_bytes)
    return RowCost(index, answer, cpu_s, rise_bytes if meter.peak_unknown is None else None)


def load_of(census: Census, count: int) -> Load:
    """All rows, the failing ones too, as they are part of the traffic; not those that kill or hang a worker."""
    return load_without({row.index: row.answer.outcome for row in census.failed()}, count)


def load_without(failed: Mapping[int, str], count: int) -> Load:
    """The same by the outcomes of the rows that failed."""
    rows = tuple(index for index in range(count) if index not in failed or not harms(failed[index]))
    return Load(rows, frozenset(failed))


def describe_failed(census: Census, dataset: Dataset) -> str:
    """`row 3 → 500, row 7 → timeout, …`."""
    failed = census.failed()
    named = [f"{_name(dataset.rows[row.index])} → {row.answer.outcome}" for row in failed[:_NAMED]]
    more = [f"and {len(failed) - _NAMED} more"] if len(failed) > _NAMED else []
    return ", ".join(named + more)


def _name(row: Row) -> str:
    return f"row {row.number}" + (f" ({row.name})" if row.name else "")


def rows_result(census: Census, dataset: Dataset, under_load: Mapping[int, int]) -> RowsResult:
    """As it is written; `under_load` is how often each row failed there, by its index."""
    return RowsResult(
        count=len(dataset.rows),
        distinct=dataset.distinct(),
        measured=len(census.rows),
        failed=[_failed_row(cost, dataset.rows[cost.index], under_load) for cost in census.failed()],
        heaviest=[_heavy_row(cost, dataset.rows[cost.index]) for cost in _heaviest(list(census.rows.values()))],
    )


def _failed_row(cost: RowCost, row: Row, under_load: Mapping[int, int]) -> FailedRow:
    return FailedRow(
        row=row.number,
        name=row.name,
        outcome=cost.answer.outcome,
        latency_seconds=cost.answer.latency_s,
        failures_under_load=under_load.get(cost.index, 0),
    )


def _heavy_row(cost: RowCost, row: Row) -> HeavyRow:
    return HeavyRow(
        row=row.number,
        name=row.name,
        body_bytes=len(row.body),
        latency_seconds=cost.answer.latency_s,
        cpu_seconds=cost.cpu_s,
        peak_memory_bytes=cost.peak_bytes,
    )


def _heaviest(rows: list[RowCost]) -> list[RowCost]:
    """By CPU, and the one with the greatest rise of memory wherever it stands."""
    heaviest = sorted(rows, key=lambda row: row.cpu_s, reverse=True)[:_HEAVIEST]
    biggest = max(rows, key=lambda row: row.peak_bytes or 0, default=None)
    if biggest is not None and biggest not in heaviest and biggest.peak_bytes:
        heaviest[-1:] = [biggest]
    return heaviest


def row_costs(census: Census, dataset: Dataset) -> RowCosts:
    """Of the rows that succeeded, in the order of the dataset."""
    costs = sorted(census.succeeded(), key=lambda cost: len(dataset.rows[cost.index].body))
    places = itertools.islice(spread_out(len(costs)), _MOST_ROWS)
    chosen = sorted((costs[place] for place in places), key=lambda cost: cost.index)
    rows = [dataset.rows[cost.index] for cost in chosen]
    return RowCosts(
        rows=[row.number for row in rows],
        body_bytes=[len(row.body) for row in rows],
        cpu_seconds=[cost.cpu_s for cost in chosen],
    )
