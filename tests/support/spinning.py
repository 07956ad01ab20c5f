"""Processes that want a whole CPU, alone or in a control group, and what they get of it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from plimsoll.host.cgroups.groups import Delegation, LimitsUnavailable, delegate
from plimsoll.host.cpu_clock import process_cpu_ns


@contextlib.contextmanager
def delegation() -> Iterator[Delegation]:
    """Skips the test where no control groups can be made."""
    try:
        with delegate() as made:
            yield made
    except LimitsUnavailable as reason:
        pytest.skip(f"no control groups can be made here: {reason}")


@contextlib.contextmanager
def spinning(cpu: int, doors: Sequence[Path] = (), count: int = 1) -> Iterator[list[int]]:
    """The pids of `count` processes on `cpu`, in the group behind `doors` if there are any.

    Each in a session of its own: where a kernel groups what is in no control group by session (autogroup, sched(7)),
    each then has the weight of one process all the same.
    """

    def prepare() -> None:
        os.sched_setaffinity(0, {cpu})
        for door in doors:
            door.write_text("0")

    command = [sys.executable, "-I", "-S", "-c", "while 1: pass"]
    started = [subprocess.Popen(command, preexec_fn=prepare, start_new_session=True) for _ in range(count)]
    try:
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()


def cores_of(*groups: Sequence[int], seconds: float = 3.0) -> list[float]:
    """CPU seconds per second that the processes of each group get together, all in the same time."""
    begun_s, used_ns = time.monotonic(), [_used_ns(pids) for pids in groups]
    time.sleep(seconds)
    elapsed_ns = (time.monotonic() - begun_s) * 1e9
    return [(_used_ns(pids) - before_ns) / elapsed_ns for pids, before_ns in zip(groups, used_ns, strict=True)]


def _used_ns(pids: Sequence[int]) -> int:
    return sum(process_cpu_ns(pid) or 0 for pid in pids)
