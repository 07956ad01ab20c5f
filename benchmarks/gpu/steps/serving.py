"""ResNet-50 served, against the framework's own loop with the same batches."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.folders import ROOT
from benchmarks.gpu import models
from benchmarks.gpu.claims import BATCHES
from benchmarks.gpu.served import Served
from benchmarks.gpu.stage import NotTried, Stage
from plimsoll.profiling.dataset.rows import Row
from plimsoll.profiling.load.client import DriverClient, LoadAnswer
from plimsoll.profiling.load.loops import Arrivals

_LOOP_S, _LOAD_S, _WARM_S, _RATE_S = 3.0, 4.0, 2.0, 6.0
_PICTURES, _SEED, _TIMEOUT_S = 32, 1, 60.0
_RATED, _SHARE = 32, 0.7
_BUSY_DRIVER = 0.9


def run(stage: Stage) -> None:
    with stage.part(*(claim.key for claim in stage.step.claims)):
        _compare(stage, measure_loop(stage))


def _compare(stage: Stage, loop: dict[int, dict[str, float]]) -> None:
    singles: dict[int, float] = {}
    for size in BATCHES:
        keys = (f"serving.{size}", *(["serving.p99"] if size == _RATED else []))
        with stage.part(*keys):
            singles[size] = _serve(stage, size, loop[size])
    with stage.part("serving.workers"):
        _two_workers(stage, singles)


def setting(stage: Stage) -> tuple[str, int]:
    """The framework's device and the side of a picture; raises NotTried where there is no such framework."""
    if why := models.why_missing():
        raise NotTried(why)
    if stage.device == "stand-in":
        raise NotTried("the stand-in runs no model")
    return ("cpu", models.REHEARSED_SIDE) if stage.device == "cpu" else ("cuda", models.SIDE)


def measure_loop(stage: Stage) -> dict[int, dict[str, float]]:
    """By size; a fact for later steps too."""
    device, side = setting(stage)
    command = [sys.executable, "-m", "benchmarks.gpu.loop", device, str(side), f"{_LOOP_S:g}", *map(str, BATCHES)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"the framework's own loop: {done.stderr.strip().splitlines()[-1]}")
    found = {line["size"]: line for line in map(json.loads, done.stdout.splitlines())}
    stage.fact("loop", [found[size] for size in BATCHES])
    return found


def loop_of(stage: Stage) -> dict[int, dict[str, float]]:
    """What `measure_loop` found in an earlier step."""
    if "loop" not in stage.facts:
        raise NotTried("the loop's times are not known: the step serving did not find them")
    return {int(line["size"]): line for line in stage.facts["loop"]}


def _serve(stage: Stage, size: int, loop: dict[str, float]) -> float:
    """Calls per second."""
    with _start(stage, size) as server, _driver(stage, server) as driver:
        answer = _saturate(driver, 2 * size)
        stage.tell(
            f"serving.{size}", answer.throughput_rps / loop["pictures_per_s"], _rates(answer, loop), server.command
        )
        if size == _RATED:
            _measure_p99(stage, driver, answer.throughput_rps, loop["batch_s"])
    return answer.throughput_rps


def _start(stage: Stage, size: int, workers: int = 1) -> Served:
    device, side = setting(stage)
    flags = ["--workers", str(workers), "--max-queue", "4096"]
    script = "pictures.py" if size == 1 else "batches.py"
    flags += [] if size == 1 else ["--max-batch-size", str(size)]
    return Served(stage.folder, script, {"PROOF_DEVICE": device, "PROOF_SIDE": str(side)}, *flags)


def _driver(stage: Stage, server: Served) -> DriverClient:
    driver = DriverClient(stage.folder / "driver.log", None)
    pictures = models.pictures(setting(stage)[1], _PICTURES)
    rows = [Row(number, body, "application/octet-stream") for number, body in enumerate(pictures, 1)]
    driver.open(rows, server.port, _TIMEOUT_S, _SEED)
    return driver


def _saturate(driver: DriverClient, connections: int) -> LoadAnswer:
    driver.load(connections, _WARM_S, _WARM_S, False, _no_tick)
    answer = driver.load(connections, _LOAD_S, _LOAD_S, False, _no_tick)
    if answer.successes < answer.requests:
        raise RuntimeError(f"of {answer.requests} calls {answer.successes} were answered: {answer.outcomes}")
    return answer


def _no_tick() -> None:
    """Nothing is to be done while the driver works."""


def _rates(answer: LoadAnswer, loop: dict[str, float]) -> str:
    busy = answer.driver_cpu_s / answer.elapsed_s
    limited = "; the load driver was at its limit" if busy > _BUSY_DRIVER else ""
    return f"{answer.throughput_rps:.0f}/s against {loop['pictures_per_s']:.0f}/s; driver {busy:.2f} cores{limited}"


def _measure_p99(stage: Stage, driver: DriverClient, knee_rps: float, batch_s: float) -> None:
    arrivals = Arrivals(_SHARE * knee_rps, _RATE_S, _SEED, 4096)
    answer = driver.rate(arrivals, 2 * _RATED, driver.most_connections, _no_tick)
    p99_s = answer.load.latency.percentile_s(0.99)
    if p99_s is None or answer.load.successes < answer.load.requests:
        raise RuntimeError(f"of {answer.load.requests} calls {answer.load.successes} were answered")
    why = f"{p99_s * 1e3:.1f} ms at {arrivals.rate_rps:.0f}/s, {answer.load.requests} calls at random instants"
    stage.tell("serving.p99", p99_s / batch_s, why)


def _two_workers(stage: Stage, singles: dict[int, float]) -> None:
    if 1 not in singles:
        raise NotTried("the rate of one worker is not known")
    with _start(stage, 1, workers=2) as server, _driver(stage, server) as driver:
        answer = _saturate(driver, 4)
    stage.tell("serving.workers", answer.throughput_rps / singles[1], f"{answer.throughput_rps:.0f}/s", server.command)
