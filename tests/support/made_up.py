"""Findings made up for a test: what phases would have found."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plimsoll.host.cpus import Host
from plimsoll.host.memory import GroupMemory
from plimsoll.profiling.advice.cpu import CpuAnswer
from plimsoll.profiling.advice.memory import MemoryAnswer
from plimsoll.profiling.answer.decision import Decision, decide
from plimsoll.profiling.answer.profile import build_profile
from plimsoll.profiling.dataset.rows import JSON_TYPE, Dataset, Row
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.latency import decode_distribution, encode_histogram
from plimsoll.profiling.load.client import LoadAnswer, RateAnswer, RowAnswer
from plimsoll.profiling.measure.meter import FRONT, TreeMemory
from plimsoll.profiling.measure.server import Load
from plimsoll.profiling.measure.window import Window
from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.phases.candidate import FirstServer
from plimsoll.profiling.phases.capacity import Capacity, Level
from plimsoll.profiling.phases.census import Census, RowCost
from plimsoll.profiling.phases.open_loop import OpenLoop, RateLevel
from plimsoll.profiling.phases.start import Startup
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.result.profile import CpuRecommendation, MemoryRecommendation, Profile
from plimsoll.profiling.session import CpuPlacement, Setup

MEMORY = TreeMemory(GroupMemory(50_000_000, 50_000_000, 40_000_000, 60_000_000, 70_000_000, 0, 0), {})
STARTUP = Startup(1.0, 0.5, MEMORY)


def findings(rows: int = 20, slots: int = 1, options: dict[str, Any] | None = None, **found: Any) -> Findings:
    """On a quiet machine of four cores, these results of phases and no others; `options` differ from the defaults."""
    return Findings(setup(rows, threads=slots, **(options or {})), **found)


def setup(rows: int = 20, cpus: int = 4, **options: Any) -> Setup:
    """A quiet machine of so many cores."""
    asked = ProfileOptions(Path("rows.txt"), [], Path("out"), **options)
    dataset = Dataset(Path("rows.txt"), tuple(Row(number, b"%d" % number, JSON_TYPE) for number in range(1, rows + 1)))
    host = Host("A CPU", cpus, tuple(range(cpus)), None, float(cpus), 1 << 34, None, 2, "6.1", "3.11")
    return Setup(asked, dataset, host, CpuPlacement(None, None), 15.0, datetime.now(UTC))


def first_server(plan: Plan | None = None, **found: Any) -> FirstServer:
    """One level of load on one worker, unless it is said otherwise."""
    capacity = found.pop("capacity", Capacity((level(window(1, 100.0)),)))
    knee = capacity.knee() or level(window(1, 100.0))
    values = {"startup": STARTUP, "census": Census(), "load": Load()} | found
    return FirstServer(plan or Plan(45.0, 1.0, True, False), capacity=capacity, knee=knee, **values)


def operated(made: RateLevel) -> OpenLoop:
    """The open loop with this level at the operating point."""
    return OpenLoop((made,), None, made)


def written_of(found: Findings, decision: Decision | None = None) -> Profile:
    """The profile of these findings."""
    return build_profile(found, decision or decide(found), GpuVerdict([], None), 1.0)


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


def cpu_of(cores: float, carries_rps: float = 70.0, replicas: int | None = None, need_cores: float = 1.0) -> CpuAnswer:
    """So many cores for one replica, kept busy to 70 %."""
    made = CpuRecommendation(request_cores=cores, limit_cores=cores, reason="Because.")
    return CpuAnswer(made, need_cores, 0.7 * need_cores, 0.7, carries_rps / 0.7, carries_rps, carries_rps, replicas)


def memory_of_size(size_bytes: int, need_bytes: int = 0, base_bytes: int = 0) -> MemoryAnswer:
    """So much for one replica."""
    made = MemoryRecommendation(request_bytes=size_bytes, limit_bytes=size_bytes, reason="Because.")
    return MemoryAnswer(made, need_bytes, base_bytes)


def census(*rows: RowCost, **more: Any) -> Census:
    """These rows, by their index."""
    return Census({row.index: row for row in rows}, **more)


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
