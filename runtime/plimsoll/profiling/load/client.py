"""The profiler's end of the load driver: starts it, sends commands, waits for answers without going deaf.

While an answer is awaited `on_tick` is called several times a second: it samples, shows progress, and raises when
the server is gone.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from plimsoll.contracts.azureml.routes import SCORE
from plimsoll.errors import InternalError
from plimsoll.host.children import start_child
from plimsoll.profiling.dataset.rows import Row
from plimsoll.profiling.latency import Distribution, decode_distribution, pool
from plimsoll.profiling.load.bursts import Burst
from plimsoll.profiling.load.loops import Arrivals
from plimsoll.profiling.load.requests import OUTCOME_DRIVER, expected_outcomes, is_success, spooled
from plimsoll.profiling.statistics import added

TICK_S = 0.25
_READ_BYTES = 1 << 16
_LEAVE_S = 0.5

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class RowAnswer:
    """One request of one row; `outcome` is the HTTP status, or why there was none."""

    outcome: str
    latency_s: float
    response_bytes: int
    expected: str | None = None
    driver_error: str | None = None

    @property
    def requests(self) -> int:
        return 1

    @property
    def lost_by_driver(self) -> int:
        """1 where the request never left the driver: then this is no measurement of the row."""
        return int(self.outcome == OUTCOME_DRIVER)

    @property
    def succeeded(self) -> bool:
        """What the row expects, or any 2xx."""
        return is_success(self.outcome, self.expected)


@dataclass(frozen=True, slots=True)
class LoadAnswer:
    """One stretch of load; `failed_rows` counts failures by row index, `differing` answers unlike the row's first.

    `driver_error` is what the driver itself lacked for a request. It began at `begun_s` of the monotonic clock; of
    `bursts` those longer than `stuck_s` would have been found.
    """

    connections: int
    requests: int
    successes: int
    outcomes: dict[str, int]
    failed_rows: dict[int, int]
    elapsed_s: float
    throughput_rps: float
    latency: Distribution
    failure_latency_sum_s: float
    response_bytes: int
    whole_passes: bool
    driver_cpu_s: float
    differing: int = 0
    driver_error: str | None = None
    begun_s: float = 0.0
    stuck_s: float = 0.0
    bursts: tuple[Burst, ...] = ()

    @property
    def lost_by_driver(self) -> int:
        """Requests that never left the driver: with any, this is no measurement of the server."""
        return self.outcomes.get(OUTCOME_DRIVER, 0)


@dataclass(frozen=True, slots=True)
class RateAnswer:
    """One stretch of open-loop load; latencies count from the instant each request was due.

    `lateness` is how long after that the driver sent it. `in_flight` are means over equal parts of the stretch.
    With `overrun` requests piled up to the cap, and fewer than `offered` were sent. `waited` had to wait in the driver
    for a connection, as there could be no more; their lateness is not the driver's.
    """

    load: LoadAnswer
    offered: int
    overrun: bool
    lateness: Distribution
    most_in_flight: int
    in_flight: tuple[float, ...]
    waited: int = 0


class DriverClient:
    """A running driver; `most_connections` is what its limit on open files leaves it."""

    def __init__(self, errors: Path, cpus: Sequence[int] | None) -> None:
        with errors.open("wb") as log:
            self._process = start_child(
                [sys.executable, "-m", "plimsoll.profiling.load.driver"],
                signal.SIGKILL,
                cpus,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._errors = errors
        self._expected: dict[int, str] = {}
        self._received = b""
        self.most_connections = 1

    @property
    def pid(self) -> int:
        return self._process.pid

    def open(
        self,
        rows: Sequence[Row],
        port: int,
        timeout_s: float,
        seed: int,
        same_answers: bool = False,
        slots: int = 1,
        path: str = SCORE,
    ) -> None:
        """Gives the driver the rows, of which it makes its requests, for a server that runs `slots` of them at once.

        Rows that name no path of their own go to `path`.
        With `same_answers` the rows and what answers them are those of before: answers are compared with the first,
        times with the least so far.
        """
        self._expected = expected_outcomes(rows)
        target = {"host": "127.0.0.1", "port": port, "path": path, "timeoutSeconds": timeout_s, "slots": slots}
        with spooled(rows) as file:
            given = {"rows": str(file), "seed": seed, "sameAnswers": same_answers}
            self.most_connections = self._ask({"command": "open", **given, **target})["mostConnections"]

    def choose_rows(self, rows: Sequence[int], seed: int) -> None:
        """From now on load consists of these row indexes only."""
        self._ask({"command": "choose", "rows": list(rows), "seed": seed})

    def send_row(self, row: int, on_tick: Tick) -> RowAnswer:
        """One request, nothing else in flight."""
        answer = self._ask({"command": "row", "row": row}, on_tick)
        return RowAnswer(
            outcome=answer["outcome"],
            latency_s=answer["latencySeconds"],
            response_bytes=answer["responseBytes"],
            expected=self._expected.get(row),
            driver_error=answer["driverError"],
        )

    def load(
        self, connections: int, seconds: float, max_seconds: float, whole_passes: bool, on_tick: Tick
    ) -> LoadAnswer:
        """Closed-loop load; see plimsoll.profiling.load.loops.Until."""
        message = {"connections": connections, "seconds": seconds, "maxSeconds": max_seconds}
        return _load_answer(self._ask({"command": "load", **message, "wholePasses": whole_passes}, on_tick))

    def rate(self, arrivals: Arrivals, connections: int, most_connections: int, on_tick: Tick) -> RateAnswer:
        """Open-loop load. `connections` are made beforehand, more as they are needed, never over `most_connections`."""
        message = {"rate": arrivals.rate_rps, "seconds": arrivals.seconds, "seed": arrivals.seed}
        message["recorded"] = arrivals.recorded
        limits = {"mostInFlight": arrivals.most_in_flight, "mostConnections": most_connections}
        answer = self._ask({"command": "rate", "connections": connections, **message, **limits}, on_tick)
        return RateAnswer(
            load=_load_answer(answer),
            offered=answer["offered"],
            overrun=answer["overrun"],
            lateness=decode_distribution(answer["lateness"], answer["latenessSumSeconds"]),
            most_in_flight=answer["mostInFlight"],
            in_flight=tuple(answer["inFlight"]),
            waited=answer["waited"],
        )

    def close(self) -> None:
        """Ends the driver, whatever it is doing: it leaves when its stdin ends, and is killed if it does not."""
        try:
            self._process.communicate(timeout=_LEAVE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        if self._errors.exists() and not self._errors.read_bytes():
            self._errors.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, message: dict[str, Any], on_tick: Tick = lambda: None) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        answer: dict[str, Any] = json.loads(self._read_line(self._process.stdout.fileno(), on_tick))
        return answer

    def _read_line(self, file: int, on_tick: Tick) -> bytes:
        while b"\n" not in self._received:
            if select.select([file], [], [], TICK_S)[0]:
                data = os.read(file, _READ_BYTES)
                if not data:
                    raise self._died()
                self._received += data
            else:
                on_tick()
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _died(self) -> InternalError:
        self._process.wait()
        lines = self._errors.read_text(errors="replace").strip().splitlines() or ["no output"]
        return InternalError(f"the load driver ended with code {self._process.returncode}: {lines[-1]}")


def pool_loads(loads: Sequence[LoadAnswer]) -> LoadAnswer:
    """Several stretches as one: requests and times are added, throughput is weighted by time."""
    elapsed_s = sum(load.elapsed_s for load in loads)
    return LoadAnswer(
        connections=max(load.connections for load in loads),
        requests=sum(load.requests for load in loads),
        successes=sum(load.successes for load in loads),
        outcomes=added(load.outcomes for load in loads),
        failed_rows=added(load.failed_rows for load in loads),
        elapsed_s=elapsed_s,
        throughput_rps=sum(load.throughput_rps * load.elapsed_s for load in loads) / max(elapsed_s, 1e-9),
        latency=pool(load.latency for load in loads),
        failure_latency_sum_s=sum(load.failure_latency_sum_s for load in loads),
        response_bytes=sum(load.response_bytes for load in loads),
        whole_passes=all(load.whole_passes for load in loads),
        driver_cpu_s=sum(load.driver_cpu_s for load in loads),
        differing=sum(load.differing for load in loads),
        driver_error=next((load.driver_error for load in loads if load.driver_error), None),
        begun_s=loads[0].begun_s,
        stuck_s=max(load.stuck_s for load in loads),
        bursts=tuple(burst for load in loads for burst in load.bursts),
    )


def pool_rates(answers: Sequence[RateAnswer]) -> RateAnswer:
    return RateAnswer(
        load=pool_loads([answer.load for answer in answers]),
        offered=sum(answer.offered for answer in answers),
        overrun=any(answer.overrun for answer in answers),
        lateness=pool(answer.lateness for answer in answers),
        most_in_flight=max(answer.most_in_flight for answer in answers),
        in_flight=tuple(part for answer in answers for part in answer.in_flight),
        waited=sum(answer.waited for answer in answers),
    )


def _load_answer(answer: dict[str, Any]) -> LoadAnswer:
    return LoadAnswer(
        connections=answer["connections"],
        requests=answer["requests"],
        successes=answer["successes"],
        outcomes=answer["outcomes"],
        failed_rows={int(row): count for row, count in answer["failedRows"].items()},
        elapsed_s=answer["elapsedSeconds"],
        throughput_rps=answer["throughput"],
        latency=decode_distribution(answer["latency"], answer["latencySumSeconds"]),
        failure_latency_sum_s=answer["failureLatencySumSeconds"],
        response_bytes=answer["responseBytes"],
        whole_passes=answer["wholePasses"],
        driver_cpu_s=answer["driverCpuSeconds"],
        differing=answer["differing"],
        driver_error=answer["driverError"],
        begun_s=answer["begunSeconds"],
        stuck_s=answer["stuckSeconds"],
        bursts=tuple(Burst(*burst) for burst in answer["bursts"]),
    )
