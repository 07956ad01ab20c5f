"""What breaks on a device: its memory is used up, a worker is killed, a kernel never ends."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
import time
from collections.abc import Iterator

from benchmarks.gpu.claims import GB, MB
from benchmarks.gpu.served import Served
from benchmarks.gpu.stage import NotTried, Stage
from benchmarks.gpu.steps.context import used_bytes
from plimsoll.host.procfs import read_stat

_NEXT_S, _CALLERS, _BESIDE_S = 60.0, 4, 1.0
_TIMEOUT_MS = 3000


def run(stage: Stage) -> None:
    stage.run(
        {
            ("oom.status", "oom.lost"): _out_of_memory,
            ("killed.ready", "killed.freed"): _killed,
            ("endless.status", "endless.gone", "endless.freed"): _endless,
        }
    )


def _serve(stage: Stage, *flags: str) -> Served:
    environment = {"PROOF_DEVICE": stage.device, "PROOF_HOLDS": str(GB), "PROOF_COMPUTES": "0.005"}
    return Served(stage.folder, "truth.py", environment, "--gpu", "auto" if stage.on_gpu else "off", *flags)


def _out_of_memory(stage: Stage) -> None:
    with _serve(stage, "--threads", "2") as server, _calls_beside(server) as statuses:
        status, text = server.post(b"oom")
        stage.tell("oom.status", status == 500, f"{status}: {text[:120]}", server.command)
        time.sleep(_BESIDE_S)
    stage.tell("oom.lost", sum(status != 200 for status in statuses), f"{len(statuses)} calls beside it")


@contextlib.contextmanager
def _calls_beside(server: Served) -> Iterator[list[int]]:
    """Their statuses; complete once the block has ended."""
    statuses: list[int] = []
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            try:
                statuses.append(server.post(b"1")[0])
            except (OSError, http.client.HTTPException):
                statuses.append(0)

    callers = [threading.Thread(target=call) for _ in range(_CALLERS)]
    for caller in callers:
        caller.start()
    time.sleep(_BESIDE_S)
    try:
        yield statuses
    finally:
        over.set()
        for caller in callers:
            caller.join()


def _killed(stage: Stage) -> None:
    with _serve(stage) as server:
        worker, before = _worker(server), _used(stage)
        os.kill(worker, signal.SIGKILL)
        stage.tell("killed.ready", _next_ready_s(server, worker), command=server.command)
        _check_freed(stage, "killed.freed", before)


def _endless(stage: Stage) -> None:
    with _serve(stage, "--scoring-timeout-ms", str(_TIMEOUT_MS)) as server:
        worker, before = _worker(server), _used(stage)
        status, text = server.post(b"endless")
        stage.tell("endless.status", status == 504, f"{status}: {text[:120]}", server.command)
        stage.tell("endless.gone", _gone_s(worker))
        _next_ready_s(server, worker)
        _check_freed(stage, "endless.freed", before)


def _worker(server: Served) -> int:
    status, text = server.post(b"1")
    if status != 200:
        raise RuntimeError(f"the first call was answered with {status}: {text[:200]}")
    return int(text)


def _next_ready_s(server: Served, gone: int) -> float:
    """Until another worker answers."""
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < _NEXT_S:
        status, text = server.post(b"1")
        if status == 200 and int(text) != gone:
            return time.monotonic() - begun_s
        time.sleep(0.02)
    raise TimeoutError(f"no other worker was ready within {_NEXT_S:.0f} s: {server.last_line()}")


def _gone_s(pid: int) -> float:
    begun_s = time.monotonic()
    while (passed_s := time.monotonic() - begun_s) < _NEXT_S and (stat := read_stat(pid)) and stat.alive:
        time.sleep(0.01)
    return passed_s


def _used(stage: Stage) -> int | None:
    if not stage.on_gpu:
        return None
    with stage.gpu() as (nvml, gpu):
        return used_bytes(nvml, gpu)


def _check_freed(stage: Stage, key: str, before: int | None) -> None:
    """The next worker holds as much as the one before: more would be what that one left behind."""
    now = _used(stage)
    if before is None or now is None:
        raise NotTried("a rehearsal on the CPU: it needs a GPU")
    stage.tell(key, abs(now - before) / MB, f"{before / MB:.0f} MB, then {now / MB:.0f} MB")
