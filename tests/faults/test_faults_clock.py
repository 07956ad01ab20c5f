"""The wall clock jumps, forwards and back: only what is dated notices."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from storm.alone import load
from storm.shapes import prepared
from support.clock import Clock
from support.server import Server

_DAY_S = 86_400
_YEAR_S = 365 * _DAY_S


def day(seconds: int) -> str:
    """As the log writes it, so much from now."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + seconds))


def test_the_clock_of_these_tests_jumps_and_nothing_else_does(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    clock.put_forward(_YEAR_S)
    names = ("time.time()", "time.monotonic()", "time.clock_gettime(time.CLOCK_BOOTTIME)")
    code = f"import time; print({', '.join(names)}); time.sleep(0.1); print({names[1]})"
    done = subprocess.run([sys.executable, "-c", code], env=clock.environment, capture_output=True, check=True)
    wall_s, monotonic_s, boot_s, later_s = map(float, done.stdout.split())
    assert abs(wall_s - time.time() - _YEAR_S) < 60
    assert abs(monotonic_s - time.monotonic()) < 60
    assert abs(boot_s - time.clock_gettime(time.CLOCK_BOOTTIME)) < 60
    assert 0.1 <= later_s - monotonic_s < 60


def test_jumps_under_load_cost_nothing(tmp_path: Path) -> None:
    clock = Clock(tmp_path)
    flags = ("--workers", "2", "--scoring-timeout-ms", "10000")
    with Server(prepared(tmp_path), *flags, env=clock.environment) as server:
        workers = {worker.pid for worker in server.workers()}
        jumps = iter((_YEAR_S, -_YEAR_S, 2, -2, 0) * 3)
        assert load(server, 3_000, "clock", lambda: clock.put_forward(next(jumps, 0))) == []
        assert {worker.pid for worker in server.workers()} == workers
        for seconds in (_YEAR_S, -_YEAR_S):
            clock.put_forward(seconds)
            assert server.post("/score", b"echo 00 0\n").status == 200
            server.wait_log(f"{day(seconds)} ")


@pytest.mark.parametrize("seconds", [_YEAR_S, -_YEAR_S])
def test_no_timeout_comes_early_or_late_when_the_clock_jumps(tmp_path: Path, seconds: int) -> None:
    """The scoring timeout and the deadline of a client, each of which has begun when the clock jumps."""
    clock = Clock(tmp_path)
    with Server(prepared(tmp_path), "--scoring-timeout-ms", "3500", env=clock.environment) as server:
        for body, headers, code, least_s in (
            (b"hang 00 0\n", {}, "scoring_timeout", 3.5),
            (b"work 00 3000\n", {"x_request_timeout_ms": "700"}, "deadline_exceeded", 0.7),
        ):
            server.wait_ready()
            clock.put_forward(0)
            began = time.monotonic()
            jump = threading.Timer(0.3, clock.put_forward, (seconds,))
            jump.start()
            assert server.post("/score", body, **headers).json()["code"] == code
            jump.join()
            assert least_s <= time.monotonic() - began < 30
