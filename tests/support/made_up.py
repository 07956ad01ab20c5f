"""Findings made up for a test: what phases would have found."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

from plimsoll.host.cpus import Host
from plimsoll.host.memory import GroupMemory
from plimsoll.profiling.dataset.load import JSON_TYPE, Dataset, Row
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.latency import decode_distribution, encode_histogram
from plimsoll.profiling.load.client import LoadAnswer, RateAnswer, RowAnswer
from plimsoll.profiling.measure.meter import FRONT, TreeMemory
from plimsoll.profiling.measure.placement import Placement
from plimsoll.profiling.measure.window import Window
from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.phases.capacity import Level
from plimsoll.profiling.phases.census import RowCost
from plimsoll.profiling.phases.open_loop import RateLevel

MEMORY = TreeMemory(GroupMemory(50_000_000, 50_000_000, 40_000_000, 60_000_000, 70_000_000, 0, 0), {})


def findings(rows: int = 20, slots: int = 1) -> Findings:
    """Nothing measured yet on a quiet machine of four cores."""
    options = ProfileOptions(Path("rows.txt"), [], Path("out"), threads=slots)
    dataset = Dataset(Path("rows.txt"), tuple(Row(number, b"%d" % number, JSON_TYPE) for number in range(1, rows + 1)))
    host = Host("A CPU", 4, (0, 1, 2, 3), None, 4.0, 1 << 34, None, 2, "6.1", "3.11")
    return Findings(options, dataset, host, Placement(None, None), 15.0, datetime.now(UTC))


def window(
    connections: int = 1,
    rate_rps: float = 100.0,
    latency_s: float | None = None,
    *,
    failures: dict[int, int] | None = None,
    cpu_s: float = 0.01,
    driver_cpu_s: float = 0.02,
    elsewhere_cores: float = 0.0,
) -> Window:
    """One second; without a latency the one that Little's law asks for. `cpu_s` is per request."""
    latency_s = connections / rate_rps if latency_s is None else latency_s
    requests, failed = round(rate_rps), sum((failures or {}).values())
    good = requests - failed
    latency = decode_distribution(encode_histogram([round(latency_s * 1e9)] * good), latency_s * good)
    answer = LoadAnswer(
        connections=connections,
        requests=requests,
        successes=good,
        outcomes={"200": good, "500": failed},
        failed_rows=failures or {},
        elapsed_s=1.0,
        throughput_rps=float(good),
        latency=latency,
        failure_latency_sum_s=latency_s * failed,
        response_bytes=requests,
        whole_passes=True,
        driver_cpu_s=driver_cpu_s,
    )
    used_s = cpu_s * requests
    return Window(answer, {FRONT: used_s * 0.1, "worker 0": used_s * 0.9}, (used_s, used_s), elsewhere_cores)


def level(*windows: Window) -> Level:
    """A level of these windows."""
    return Level(windows[0].answer.connections, windows, MEMORY, 0)


def row_cost(index: int, outcome: str = "200", latency_s: float = 0.01, peak_bytes: int | None = 0) -> RowCost:
    """One row of the census."""
    return RowCost(index, RowAnswer(outcome, latency_s, 10), 0.01, peak_bytes)


def rate_level(
    rate_rps: float = 50.0, latency_s: float = 0.020, *, failures: int = 0, overrun: bool = False
) -> RateLevel:
    """Four seconds of arrivals."""
    requests = round(rate_rps * 4)
    made = window(1, rate_rps * 4, latency_s, failures={0: failures} if failures else None)
    answer = RateAnswer(
        load=dataclasses.replace(made.answer, elapsed_s=4.0),
        offered=requests,
        overrun=overrun,
        lateness=decode_distribution(encode_histogram([50_000] * requests), requests * 5e-5),
        most_in_flight=3,
        in_flight=(1.0,) * 20,
    )
    return RateLevel(rate_rps, 4.0, 4, made, answer, MEMORY, failures)
