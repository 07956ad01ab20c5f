"""Replicas behind a real balancer under random arrivals, and what `plimsoll plan` says of the same traffic.

The model is what a GPU looks like from here: one call at a time, which sleeps; rows differ as lognormal times do. So
that three replicas, the balancer and the load find room on two cores.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import math
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from truth_servers import run

from plimsoll.profiling.dataset.rows import Row
from plimsoll.profiling.latency import decode_distribution
from plimsoll.profiling.load.loops import Arrivals, OpenLoop
from plimsoll.profiling.load.pool import Pool
from plimsoll.profiling.load.requests import RowOrder, prepare
from plimsoll.profiling.load.sender import Target
from plimsoll.profiling.result.files import write_profile
from plimsoll.profiling.statistics import rank_percentile
from support.balancers import haproxy
from support.server import Server

MEAN_MS, SIGMA = 12.0, 0.5
SLEEPER = """
import json, threading, time
lock = threading.Lock()
def init(): pass
def run(data):
    with lock:
        time.sleep(json.loads(data)["ms"] / 1000)
    return "ok"
"""
STEP_S = 3.0
BURSTS = (1.6, 0.4)
_TIMEOUT_S = 60.0
_REPEATED_S = 3600.0
"""For so long the plan repeats the traffic: its figures are then those of the traffic, not of one passage."""
_MOST_LATE_S = 0.005
"""A load that was sent later than this, at p99, was not the load that was meant."""
_ROOM = 1000


def bodies() -> list[str]:
    """200 rows: the times of equally likely quantiles, which have a mean of about `MEAN_MS`."""
    draw = random.Random(7)
    times = [math.exp(SIGMA * draw.gauss(0, 1)) for _ in range(200)]
    scale = MEAN_MS * len(times) / sum(times)
    return [json.dumps({"ms": round(scale * each, 2)}) for each in times]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace(Arrivals):
    """A Poisson process whose rate changes every `STEP_S`; there are exactly as many requests as its mean asks for."""

    rates_rps: tuple[float, ...]

    def offsets_ns(self) -> list[int]:
        """The instants of a process of constant rate, by a clock that runs as fast as requests are to come."""
        ends = list(itertools.accumulate(rate_rps * STEP_S for rate_rps in self.rates_rps))
        draw = random.Random(self.seed)
        offsets, step = [], 0
        for instant in sorted(draw.uniform(0, ends[-1]) for _ in range(max(1, round(ends[-1])))):
            while instant > ends[step]:
                step += 1
            offsets.append(round((step + 1) * STEP_S * 1e9 - (ends[step] - instant) / self.rates_rps[step] * 1e9))
        return offsets


def trace(rate_rps: float, kind: str, seconds: float, seed: int) -> Trace:
    """`poisson`: the same rate all the time; `bursty`: it changes between 1.6 and 0.4 times that every 3 s."""
    steps = 2 * max(1, round(seconds / STEP_S / 2))
    factors = itertools.cycle(BURSTS if kind == "bursty" else (1.0,))
    rates = tuple(rate_rps * factor for factor in itertools.islice(factors, steps))
    return Trace(rate_rps, STEP_S * steps, seed, 1_000_000, rates_rps=rates)


@dataclass(frozen=True, slots=True)
class Passage:
    """A trace that was sent once: seconds of each that was answered, how many were not, and for how long it went."""

    latencies_s: Sequence[float]
    refused: int
    seconds: float
    late_s: float

    @property
    def disturbed(self) -> bool:
        return self.late_s > _MOST_LATE_S


@dataclass(frozen=True, slots=True)
class Found:
    """By the plan, or by real replicas; `refused` is a share, `throughput_rps` counts what was answered."""

    p95_s: float
    throughput_rps: float
    refused: float


def found(passages: Sequence[Passage]) -> Found:
    """All together."""
    latencies_s = [latency_s for one in passages for latency_s in one.latencies_s]
    refused = sum(one.refused for one in passages)
    return Found(
        p95_s=rank_percentile(latencies_s, 0.95) or math.nan,
        throughput_rps=len(latencies_s) / sum(one.seconds for one in passages),
        refused=refused / (refused + len(latencies_s)),
    )


def profiled(folder: Path, budget_s: float) -> Path:
    """The profile of one replica."""
    result = run(folder, SLEEPER, bodies(), budget_s, "--workers", "1", "--threads", "1", verify=False)
    folder.mkdir(exist_ok=True)
    write_profile(result, folder)
    return folder / "profile.json"


@contextlib.contextmanager
def fleet(folder: Path, count: int) -> Iterator[int]:
    """The port of HAProxy, which takes turns, in front of so many replicas."""
    script = folder / "score.py"
    script.write_text(SLEEPER)
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(script)) for _ in range(count)]
        yield stack.enter_context(haproxy(folder, [server.port for server in servers], _ROOM, "roundrobin"))


def sent(port: int, plan: Trace, timeout_ms: int | None = None) -> Passage:
    """Latencies count from the instant at which a request was due."""
    headers = (("x-request-timeout-ms", str(timeout_ms)),) if timeout_ms else ()
    rows = [Row(number, body.encode(), "application/json", headers=headers) for number, body in enumerate(bodies(), 1)]
    loop, answer = uvloop.run(_sent(port, rows, plan))
    latencies_s = [latency_ns / 1e9 for latency_ns in loop.statistics.success_latencies_ns]
    lateness = decode_distribution(answer["lateness"], answer["latenessSumSeconds"])
    refused = loop.statistics.outcomes.total() - len(latencies_s)
    return Passage(latencies_s, refused, answer["elapsedSeconds"], lateness.percentile_s(0.99) or 0.0)


async def _sent(port: int, rows: Sequence[Row], plan: Trace) -> tuple[OpenLoop, dict[str, object]]:
    pool = Pool(Target("127.0.0.1", port, _TIMEOUT_S))
    pool.bound(_ROOM)
    requests = prepare(rows, "127.0.0.1", port, "/score")
    loop = OpenLoop(pool, 8, requests, RowOrder(range(len(rows)), plan.seed), plan)
    answer = await loop.run()
    pool.bound(0)
    await asyncio.sleep(0)
    return loop, answer


def planned(profile: Path, plan: Trace, count: int, folder: Path, *flags: str) -> Found:
    """As a user asks for it."""
    table = folder / "trace.csv"
    rates = plan.rates_rps * max(1, round(_REPEATED_S / plan.seconds))
    table.write_text("time,rps\n" + "".join(f"{number * STEP_S:g},{rate}\n" for number, rate in enumerate(rates)))
    command = [sys.executable, "-m", "plimsoll", "plan", "--profile", str(profile), "--traffic", str(table)]
    command += ["--replicas", str(count), "--balance", "round-robin", "--format", "json", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (setting,) = json.loads(done.stdout)["settings"]
    answered = setting["requests"] - setting["refused"]
    p95_s = setting["latencySeconds"]["p95"]
    return Found(math.nan if p95_s is None else p95_s, answered / (len(rates) * STEP_S), setting["refusedShare"])


def capacity_rps(profile: Path) -> float:
    """That the plan takes it to have."""
    level = json.loads(profile.read_text())["recommendation"]["operatingPoint"]
    return float(level["requestsPerSecond"] / level["utilisation"])
