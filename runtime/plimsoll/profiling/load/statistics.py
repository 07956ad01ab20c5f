"""What one stretch of load found: counted while it runs, added up afterwards."""

from __future__ import annotations

import dataclasses
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from plimsoll.profiling.latency import encode_histogram
from plimsoll.profiling.load.bursts import KEPT_NS, SlowAnswer, find_bursts
from plimsoll.profiling.load.requests import Requests, is_success
from plimsoll.profiling.load.timers import Pauses


@dataclass(slots=True)
class LoadStatistics:
    """Every request is in it: a failure has a latency too. Times are monotonic nanoseconds.

    An answer with another checksum than the first one of its row is counted in `differing`. `driver_error` is what the
    driver itself lacked for a request.
    """

    requests: Requests
    differing: int = 0
    begun_ns: int = field(default_factory=time.perf_counter_ns)
    begun_cpu_ns: int = field(default_factory=time.process_time_ns)
    stopped_ns: int = 0
    ended_ns: int = 0
    success_latencies_ns: array[int] = field(default_factory=lambda: array("q"))
    failure_latencies_ns: array[int] = field(default_factory=lambda: array("q"))
    slow: array[int] = field(default_factory=lambda: array("q"))
    outcomes: Counter[str] = field(default_factory=Counter)
    failed_rows: Counter[int] = field(default_factory=Counter)
    response_bytes: int = 0
    successes_before_stop: int = 0
    last_before_stop_ns: int = 0
    driver_error: str | None = None

    def record(self, row: int, outcome: str, latency_ns: int, size_bytes: int, checksum: int = 0) -> None:
        requests = self.requests
        self.outcomes[outcome] += 1
        self.response_bytes += size_bytes
        self.ended_ns = time.perf_counter_ns()
        good = is_success(outcome, requests.expected.get(row))
        if good:
            self.success_latencies_ns.append(latency_ns)
            self.differing += requests.answers.setdefault(row, checksum) != checksum
            if latency_ns < requests.least_ns.setdefault(row, latency_ns):
                requests.least_ns[row] = latency_ns
        else:
            self.failure_latencies_ns.append(latency_ns)
            self.failed_rows[row] += 1
            # How fast a row is refused does not tell how long it takes, unless it is all that it ever does.
            requests.least_ns.setdefault(row, latency_ns)
        if latency_ns >= KEPT_NS:
            self.slow.extend((self.ended_ns - latency_ns, self.ended_ns, row))
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

    def as_message(self, whole_passes: bool, pauses: Pauses) -> dict[str, Any]:
        """What the driver answers of any load; in the `pauses` it stood still itself."""
        return self._late(pauses) | {
            "requests": self.outcomes.total(),
            "successes": len(self.success_latencies_ns),
            "outcomes": dict(self.outcomes),
            "failedRows": {str(row): count for row, count in self.failed_rows.items()},
            "begunSeconds": self.begun_ns / 1e9,
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

    def _late(self, pauses: Pauses) -> dict[str, Any]:
        fast_ns = [time_ns for time_ns in (*self.success_latencies_ns, *self.failure_latencies_ns) if time_ns < KEPT_NS]
        kept = [SlowAnswer(*three) for three in zip(*[iter(self.slow)] * 3, strict=True)]
        found = find_bursts(kept, fast_ns, self.requests.least_ns, self.requests.slots, pauses)
        return {"stuckSeconds": found.limit_s, "bursts": [dataclasses.astuple(burst) for burst in found.bursts]}
