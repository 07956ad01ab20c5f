"""What one stretch of load found: counted while it runs, added up afterwards."""

from __future__ import annotations

import time
from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plimsoll.profiling.latency import encode_histogram

OUTCOME_TIMEOUT = "timeout"
OUTCOME_CLOSED = "closed"
OUTCOME_REFUSED = "refused"
# It never left: the driver itself had no descriptor or no port for it. A level with such requests is no measurement.
OUTCOME_DRIVER = "driver"


@dataclass(slots=True)
class Tally:
    """Every request is in it: a failure has a latency too. Times are monotonic nanoseconds.

    `expected` holds the right outcome of the rows for which it is not any 2xx. `answers` remembers the checksum of
    each row's first answer; a later one with another checksum is counted in `differing`. `driver_error` is what the
    driver itself lacked for a request.
    """

    expected: Mapping[int, str] = field(default_factory=dict)
    answers: dict[int, int] = field(default_factory=dict)
    differing: int = 0
    begun_ns: int = field(default_factory=time.perf_counter_ns)
    begun_cpu_ns: int = field(default_factory=time.process_time_ns)
    stopped_ns: int = 0
    ended_ns: int = 0
    success_latencies_ns: array[int] = field(default_factory=lambda: array("q"))
    failure_latencies_ns: array[int] = field(default_factory=lambda: array("q"))
    outcomes: Counter[str] = field(default_factory=Counter)
    failed_rows: Counter[int] = field(default_factory=Counter)
    response_bytes: int = 0
    successes_before_stop: int = 0
    last_before_stop_ns: int = 0
    driver_error: str | None = None

    def record(self, row: int, outcome: str, latency_ns: int, size_bytes: int, checksum: int = 0) -> None:
        self.outcomes[outcome] += 1
        self.response_bytes += size_bytes
        self.ended_ns = time.perf_counter_ns()
        good = is_success(outcome, self.expected.get(row))
        if good:
            self.success_latencies_ns.append(latency_ns)
            self.differing += self.answers.setdefault(row, checksum) != checksum
        else:
            self.failure_latencies_ns.append(latency_ns)
            self.failed_rows[row] += 1
        if not self.stopped_ns:
            self.successes_before_stop += good
            self.last_before_stop_ns = self.ended_ns

    def throughput_rps(self) -> float:
        """Successes per second: the greater of two estimates that both err on the low side.

        Up to the last answer before the driver stopped sending: misses answers that were just about to come, which
        matters when all connections are answered at once. Up to the very last answer: includes the emptying, in which
        the server has less and less to do.
        """
        sending_s = (self.last_before_stop_ns - self.begun_ns) / 1e9
        whole_s = (self.ended_ns - self.begun_ns) / 1e9
        estimates = ((self.successes_before_stop, sending_s), (len(self.success_latencies_ns), whole_s))
        return max((count / seconds for count, seconds in estimates if seconds > 0), default=0.0)

    def as_message(self, connections: int, whole_passes: bool) -> dict[str, Any]:
        """The driver's answer to `load`."""
        return {
            "connections": connections,
            "requests": self.outcomes.total(),
            "successes": len(self.success_latencies_ns),
            "outcomes": dict(self.outcomes),
            "failedRows": {str(row): count for row, count in self.failed_rows.items()},
            "elapsedSeconds": (self.ended_ns - self.begun_ns) / 1e9,
            "throughput": self.throughput_rps(),
            "latency": encode_histogram(self.success_latencies_ns),
            "latencySumSeconds": sum(self.success_latencies_ns) / 1e9,
            "failureLatencySumSeconds": sum(self.failure_latencies_ns) / 1e9,
            "responseBytes": self.response_bytes,
            "differing": self.differing,
            "driverError": self.driver_error,
            "wholePasses": whole_passes,
            "driverCpuSeconds": (time.process_time_ns() - self.begun_cpu_ns) / 1e9,
        }


def is_success(outcome: str, expected: str | None = None) -> bool:
    """The outcome that the row expects, or any 2xx."""
    return outcome == expected if expected else len(outcome) == 3 and outcome.startswith("2")
