"""Whether the machine is quiet: a fixed piece of work that should always take the same, and what others use."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from plimsoll.host.cgroup import find_cgroup
from plimsoll.host.procfs import read_text

NOISY_SHARE = 0.05
"""Of the machine: load beside which others use more of it is disturbed."""
_LOOPS = 400_000
_ROUNDS = 5
_BUSY_FIELDS = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal; guest time is inside user


@dataclass(frozen=True, slots=True)
class Spin:
    """The fixed work, several times: seconds of CPU and of the clock on the wall."""

    cpu_s: tuple[float, ...]
    wall_s: tuple[float, ...]

    @property
    def fastest_cpu_s(self) -> float:
        return min(self.cpu_s)

    @property
    def stolen_share(self) -> float:
        """Share of the time in which the work wanted to run and could not."""
        return max(0.0, 1 - sum(self.cpu_s) / sum(self.wall_s))


def spin() -> Spin:
    """A few tenths of a second of integer arithmetic."""
    rounds = [_round() for _ in range(_ROUNDS)]
    return Spin(tuple(cpu for cpu, _ in rounds), tuple(wall for _, wall in rounds))


def _round() -> tuple[float, float]:
    cpu_s, wall_s = time.thread_time(), time.perf_counter()
    total = 0
    for number in range(_LOOPS):
        total += number & 7
    return time.thread_time() - cpu_s, time.perf_counter() - wall_s


def throttled_s() -> float:
    """How long our own control group, the server in it, has stood still for its CPU quota; 0 where it has none."""
    return find_cgroup().throttled_s() or 0.0


def drift(before: Spin, after: Spin) -> float:
    """Relative change of the machine's speed between two spins."""
    return abs(after.fastest_cpu_s / before.fastest_cpu_s - 1)


@dataclass(frozen=True, slots=True)
class CpuUse:
    """CPU seconds since boot: of the whole machine without idling, and of this process."""

    busy_s: float
    own_s: float


def read_cpu_use() -> CpuUse:
    """/proc/stat counts in ticks of 10 ms: good for a second and more."""
    fields = _first_line_fields((read_text("/proc/stat") or "cpu").splitlines()[0])
    busy_ticks = sum(fields[index] for index in _BUSY_FIELDS if index < len(fields))
    return CpuUse(busy_ticks / os.sysconf("SC_CLK_TCK"), time.process_time())


def _first_line_fields(line: str) -> Sequence[int]:
    return [int(field) for field in line.split()[1:]]
