"""Phase: every row once, one at a time. Which rows fail, and what each costs in time, CPU and memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from plimsoll.profiling.dataset.load import Dataset, Row
from plimsoll.profiling.dataset.sampling import visiting_order
from plimsoll.profiling.load.client import RowAnswer
from plimsoll.profiling.load.tally import OUTCOME_TIMEOUT
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.measure.server import ServerUnderTest, Stopwatch

_LOST_WORKER = {"502", "503", "504"}
_HUNG = {OUTCOME_TIMEOUT, "504"}
_MOST_HANGS_IN_A_ROW = 3
_BUSY_SHARE = 0.1
_NAMED = 10


@dataclass(frozen=True, slots=True)
class RowCost:
    """One row alone on the server; `peak_bytes` is how far memory rose above where it was, None where unknown."""

    index: int
    answer: RowAnswer
    cpu_s: float
    peak_bytes: int | None

    @property
    def harms(self) -> bool:
        """True when the row cost a worker its life, or hung: it would disturb the load of the others."""
        return not self.answer.outcome.isdigit() or self.answer.outcome in _LOST_WORKER


@dataclass(slots=True)
class Census:
    """Filled row by row, so that what was measured is there even when the server is lost.

    `busy_threads` is how many threads of one worker shared the work, one request at a time.
    """

    rows: dict[int, RowCost] = field(default_factory=dict)
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

    def mean_latency_s(self) -> float | None:
        """Of the rows that were answered."""
        latencies = [row.answer.latency_s for row in self.succeeded() or self.rows.values()]
        return sum(latencies) / len(latencies) if latencies else None


def take_census(server: ServerUnderTest, census: Census, budget_s: float) -> None:
    """Sends the rows; when time runs out, those that were sent are spread evenly over the sizes of all.

    The first request of a fresh worker also pays for what the script puts off until then. It is kept apart, and the
    rows that met fresh workers are sent once more.
    """
    watch = server.begin("census", budget_s)
    order = list(visiting_order([len(row.body) for row in server.dataset.rows]))
    hangs, threads_before = 0, server.meter.worker_threads_ns()
    for position, index in enumerate(order):
        if watch.left_s() <= 0 and census.rows:
            census.incomplete = f"time for {position} of {len(order)} rows, chosen evenly by size"
            break
        cost = _measure(server, index)
        census.first_request = census.first_request or cost
        census.rows[index] = cost
        hangs = hangs + 1 if cost.answer.outcome in _HUNG else 0
        if hangs == _MOST_HANGS_IN_A_ROW:
            census.incomplete = (
                f"the server hung on {hangs} rows in a row; {position + 1} of {len(order)} rows were sent"
            )
            break
        if cost.harms:
            server.wait_until_ready(server.request_timeout_s)
    _repeat_first(server, census, order[: server.options.slots], watch)
    census.busy_threads = _busy_threads(threads_before, server.meter.worker_threads_ns())
    census.memory = server.meter.memory()


def _busy_threads(before: dict[tuple[int, int], dict[int, int]], after: dict[tuple[int, int], dict[int, int]]) -> int:
    """The most threads in one process that each did at least a tenth of its work."""
    counts = [0]
    for key, threads in after.items():
        used_ns = [ran_ns - before.get(key, {}).get(thread, 0) for thread, ran_ns in threads.items()]
        counts.append(sum(ran_ns >= _BUSY_SHARE * sum(used_ns) > 0 for ran_ns in used_ns))
    return max(counts)


def _repeat_first(server: ServerUnderTest, census: Census, indexes: list[int], watch: Stopwatch) -> None:
    for index in indexes:
        if index in census.rows and census.rows[index].answer.succeeded and watch.left_s() > 0:
            census.rows[index] = _measure(server, index)


def _measure(server: ServerUnderTest, index: int) -> RowCost:
    meter = server.meter
    meter.reset_peaks()
    peak_before_bytes, cpu_before_s = meter.known_peaks_bytes(), meter.known_cpu_s()
    answer = server.send_row(index)
    cpu_s = meter.known_cpu_s() - cpu_before_s
    rise_bytes = max(0, meter.known_peaks_bytes() - peak_before_bytes)
    return RowCost(index, answer, cpu_s, rise_bytes if meter.peak_unknown is None else None)


def rows_for_load(census: Census, count: int) -> list[int]:
    """All rows, the failing ones too, as they are part of the traffic; not those that kill or hang a worker."""
    harmful = census.harmful()
    return [index for index in range(count) if index not in harmful]


def describe_failed(census: Census, dataset: Dataset) -> str:
    """`row 3 → 500, row 7 → timeout, …`."""
    failed = census.failed()
    named = [f"{_name(dataset.rows[row.index])} → {row.answer.outcome}" for row in failed[:_NAMED]]
    more = [f"and {len(failed) - _NAMED} more"] if len(failed) > _NAMED else []
    return ", ".join(named + more)


def _name(row: Row) -> str:
    return f"row {row.number}" + (f" ({row.name})" if row.name else "")
