"""What every phase works with: the running server, the driver, the meters and the time that is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from plimsoll.host.procfs import busy_cpu_s
from plimsoll.profiling.advice.batching import BatchUse
from plimsoll.profiling.advice.stalls import Clocks
from plimsoll.profiling.dataset.rows import Dataset
from plimsoll.profiling.load.client import DriverClient, LoadAnswer, RateAnswer, RowAnswer
from plimsoll.profiling.load.loops import Arrivals
from plimsoll.profiling.measure.meter import ServerMeter
from plimsoll.profiling.measure.metrics import MOST_CONNECTIONS, read_batches, read_clocks
from plimsoll.profiling.measure.process import ServerProcess
from plimsoll.profiling.measure.timeline import Recorder
from plimsoll.profiling.measure.window import Window
from plimsoll.profiling.options import ProfileOptions, Progress
from plimsoll.profiling.statistics import added

_SHORTEST_SAMPLE_S = 0.5
# A reading that took longer was interrupted, and its time says nothing.
_LONGEST_READING_S = 0.02
# Open loop: where the number in flight falls off geometrically (M/M/1), 999 of 1000 arrivals find fewer than ln 1000
# times its mean and a half before them. So many connections are made beforehand, since a new one is felt: it added
# 0.11 ms to an echo that takes 0.18 ms.
_TAIL = math.log(1000)
_FEWEST_CONNECTIONS, _MOST_AHEAD = 8, 64
# What the driver lacked may be there again: ports are free for new connections after a second (tcp_tw_reuse).
_MOST_REPEATS, _BEFORE_REPEAT_S = 2, 1.0

_Measured = TypeVar("_Measured")


class ServerLost(Exception):
    """The server ended while it was measured; the message says how."""

    code = "server_lost"


class GpuLost(ServerLost):
    """The server may still run, but the GPU that it was to use does not answer any more."""

    code = "gpu_lost"


class NotMeasured(Exception):
    """The load driver, not the server, lost requests, however often the load was repeated: that says nothing."""


class Stopwatch:
    """Monotonic, since it was made."""

    def __init__(self, budget_s: float) -> None:
        self.budget_s = budget_s
        self._begun_s = time.monotonic()

    def elapsed_s(self) -> float:
        return time.monotonic() - self._begun_s

    def left_s(self) -> float:
        """Never negative."""
        return max(0.0, self.budget_s - self.elapsed_s())


@dataclass(frozen=True, slots=True)
class Load:
    """The rows of which load consists, by index, and those of them that always fail."""

    rows: Sequence[int] = ()
    known_failing: frozenset[int] = frozenset()


@dataclass(slots=True)
class ServerUnderTest:
    """One server's tools.

    `most_connections` is what the limits on open files leave, see plimsoll.profiling.measure.metrics.
    Where `limited`, somebody stops the server at times: its stalls are not its own.
    """

    options: ProfileOptions
    dataset: Dataset
    process: ServerProcess
    driver: DriverClient
    meter: ServerMeter
    watch: Stopwatch
    progress: Progress
    request_timeout_s: float
    recorder: Recorder = field(default_factory=Recorder)
    cpus: int = 1
    prefix: str = ""
    most_connections: int = MOST_CONNECTIONS
    load: Load = Load()
    limited: bool = False
    _phase: Stopwatch = field(default_factory=lambda: Stopwatch(0.0))
    _cores: list[float] = field(default_factory=list)
    _last_sample: tuple[float, float] = (0.0, 0.0)
    _batching: bool | None = None
    _latency_s: float = 0.0
    _steady: bool = False
    _clocks: Clocks | None = None

    @property
    def rows(self) -> Sequence[int]:
        return self.load.rows

    def choose(self, load: Load) -> None:
        self.load = load
        self.restart_order()

    def unexpected(self, windows: Sequence[Window]) -> int:
        """Failures of rows that do not always fail."""
        failures = added(window.answer.failed_rows for window in windows)
        return sum(count for row, count in failures.items() if row not in self.load.known_failing)

    def restart_order(self, draw: int = 0) -> None:
        """The rows come once more in the order in which they came first; each `draw` is an order of its own."""
        self.driver.choose_rows(self.rows, self.options.seed + draw)

    def begin(self, phase: str, expected_s: float, steady: bool = False) -> Stopwatch:
        """Announces a phase and measures its time. In a `steady` one nothing is done for the first time: what stands
        still then is a stall.
        """
        self._steady = steady and not self.limited
        self._phase = Stopwatch(expected_s)
        self.progress.phase(self.prefix + phase, expected_s)
        self.recorder.begin(self.prefix + phase)
        return self._phase

    def window(self, connections: int, seconds: float, max_seconds: float, whole_passes: bool) -> Window:
        """Closed-loop load with the CPU of the server around it, over fewer connections where the limits ask for it."""
        count = min(connections, self.most_connections)
        return self._around(lambda: self.driver.load(count, seconds, max_seconds, whole_passes, self._tick))

    def rate_window(self, rate_rps: float, seconds: float, most_in_flight: int, draw: int) -> tuple[Window, RateAnswer]:
        """Open-loop load with the CPU of the server around it; the same `draw` brings the same arrivals and rows."""
        arrivals = Arrivals(rate_rps, seconds, self.options.seed + draw, most_in_flight, self.options.recorded)
        ahead = connections_ahead(rate_rps * self._latency_s, min(most_in_flight, self.most_connections))
        answers: list[RateAnswer] = []

        def load() -> LoadAnswer:
            self.restart_order(draw)
            answers.append(self.driver.rate(arrivals, ahead, self.most_connections, self._tick))
            return answers[-1].load

        return self._around(load), answers[-1]

    def _around(self, load: Callable[[], LoadAnswer]) -> Window:
        return self._complete(lambda: self._window(load), lambda window: window.answer)

    def _complete(
        self, measure: Callable[[], _Measured], answer_of: Callable[[_Measured], LoadAnswer | RowAnswer]
    ) -> _Measured:
        """Once more where requests never left the driver; NotMeasured where that is in vain, or there is no time."""
        for repeats in range(_MOST_REPEATS + 1):
            found = measure()
            answer = answer_of(found)
            if not answer.lost_by_driver:
                return found
            lost = f"{answer.lost_by_driver} of {answer.requests} requests"
            text = f"{lost} never left the load driver: {answer.driver_error}"
            if repeats == _MOST_REPEATS or self.watch.left_s() <= _BEFORE_REPEAT_S:
                break
            self.progress.note(f"{text}; this is measured once more")
            time.sleep(_BEFORE_REPEAT_S)
        raise NotMeasured(text)

    def _window(self, load: Callable[[], LoadAnswer]) -> Window:
        if self._steady and self._clocks is None:
            self._clocks = read_clocks(self.process.metrics())
        others_before_s = _used_by_others_s()
        before_ns, self._cores = self.meter.cpu_ns(), []
        self._last_sample = time.monotonic(), sum(before_ns.values()) / 1e9
        answer = load()
        after_ns = self.meter.cpu_ns()
        self.check_server()
        cpu_s = {role: (used - before_ns.get(role, 0)) / 1e9 for role, used in after_ns.items()}
        mean_cores = sum(cpu_s.values()) / max(answer.elapsed_s, 1e-9)
        others_s = _used_by_others_s() - others_before_s - sum(cpu_s.values()) - answer.driver_cpu_s
        elsewhere_cores = max(0.0, others_s / max(answer.elapsed_s, 1e-9))
        anonymous_bytes = self.meter.anonymous_bytes()
        self._look_for_stalls(answer, elsewhere_cores)
        self._latency_s = answer.latency.mean_s() or self._latency_s
        cores, gpu_bytes = tuple(self._cores or [mean_cores]), self.recorder.gpu_used_bytes()
        return Window(answer, cpu_s, cores, elsewhere_cores, anonymous_bytes, gpu_bytes)

    def _look_for_stalls(self, answer: LoadAnswer, elsewhere_cores: float) -> None:
        """The front is asked only where answers were late: then its clocks tell who stood still."""
        if not self._steady or answer.lost_by_driver:
            return
        before, gained = self._clocks, None
        if answer.bursts:
            self._clocks = read_clocks(self.process.metrics())
            gained = self._clocks.since(before) if self._clocks and before else None
        self.recorder.observe(self.options.configuration, answer, gained, elsewhere_cores)

    def batches(self) -> BatchUse | None:
        """Counters so far; None where run() takes single calls, which is asked only once."""
        if self._batching is False:
            return None
        use = read_batches(self.process.metrics())
        self._batching = use is not None
        return use

    def send_row(self, index: int) -> RowAnswer:
        self.recorder.record(self.meter)
        answer = self._complete(lambda: self.driver.send_row(index, self._look), lambda answer: answer)
        if not answer.succeeded:
            self.check_server()
        self.progress.advance(self._phase.elapsed_s())
        return answer

    def check_server(self) -> None:
        """Raises ServerLost when the server's root process has ended, or a GPU is gone."""
        if gpu := self.recorder.lost_gpu():
            raise GpuLost(f"{gpu} during the run; the driver's log on the host (dmesg, Xid) may say why")
        code = self.process.exit_code()
        if code is not None:
            raise ServerLost(
                f"the server {describe_exit(code)} during the run; its last line: {self.process.last_error()}"
            )

    def wait_until_ready(self, longest_s: float) -> bool:
        """After a worker was lost: the next request should meet a new one, not a 503."""
        wait = Stopwatch(longest_s)
        while wait.left_s() > 0:
            self.check_server()
            if self.process.readiness()[0]:
                return True
            time.sleep(0.05)
        return False

    def _look(self) -> None:
        self.check_server()
        self.recorder.record(self.meter)

    def _tick(self) -> None:
        self._look()
        self._sample()
        self.progress.advance(self._phase.elapsed_s())

    def _sample(self) -> None:
        then_s, then_cpu_s = self._last_sample
        before_s = time.monotonic()
        if before_s - then_s < _SHORTEST_SAMPLE_S:
            return
        cpu_s, after_s = self.meter.total_cpu_s(), time.monotonic()
        if after_s - before_s > _LONGEST_READING_S:
            return
        now_s = (before_s + after_s) / 2
        self._cores.append((cpu_s - then_cpu_s) / (now_s - then_s))
        self._last_sample = now_s, cpu_s


def _used_by_others_s() -> float:
    """CPU time of the whole machine, without that of this process."""
    return busy_cpu_s() - time.process_time()


def connections_ahead(in_flight: float, most: int) -> int:
    """How many to make before the first arrival; `in_flight` is rate times latency (Little), as last measured."""
    return min(most, _MOST_AHEAD, max(_FEWEST_CONNECTIONS, math.ceil(_TAIL * (in_flight + 0.5))))


def describe_exit(code: int) -> str:
    """`ended with code 3` or `was killed by signal 9`."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
