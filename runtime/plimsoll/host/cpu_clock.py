"""CPU time of processes, by the kernel's own counters: nothing is sampled, nothing is missed between two reads.

A living process is read by its POSIX clock (nanoseconds, all its threads). What a process used that has ended is
in its parent's `cutime` and `cstime` (clock ticks, usually 10 ms), provided the parent waited for it.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from plimsoll.host import procfs
from plimsoll.host.processes import Process

_CPUCLOCK_SCHED = 2

Role = TypeVar("Role", bound=Hashable)


def process_cpu_ns(pid: int) -> int | None:
    """CPU time of all threads of a process, user and system, since it began; None where it is gone.

    The clock id is what clock_getcpuclockid(3) computes.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:
        return None


@dataclass(slots=True)
class _Entry(Generic[Role]):
    process: Process
    role: Role
    own_ns: int = 0
    reaped_ns: int = 0
    alive: bool = True


class CpuLedger(Generic[Role]):
    """CPU time by role over the whole life of a changing set of processes; totals never go down."""

    def __init__(self) -> None:
        self._entries: dict[tuple[int, int], _Entry[Role]] = {}
        self._tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def read(self, members: Iterable[tuple[Process, Role]]) -> dict[Role, int]:
        """Nanoseconds used so far by each role, processes that have ended included."""
        for entry in self._entries.values():
            entry.alive = False
        for process, role in members:
            self._update(process, role)
        ended_ns = self._ended_by_parent_ns()
        totals: dict[Role, int] = defaultdict(int)
        for entry in self._entries.values():
            # What the parent reaped beyond its known children came from children that nobody ever saw.
            unseen_ns = max(0, entry.reaped_ns - ended_ns.get(entry.process.pid, 0))
            totals[entry.role] += entry.own_ns + unseen_ns
        return dict(totals)

    def _ended_by_parent_ns(self) -> dict[int, int]:
        ended_ns: dict[int, int] = defaultdict(int)
        for entry in self._entries.values():
            if not entry.alive:
                ended_ns[entry.process.parent_pid] += entry.own_ns + entry.reaped_ns
        return ended_ns

    def _update(self, process: Process, role: Role) -> None:
        entry = self._entries.setdefault(process.key, _Entry(process, role))
        own_ns, stat = process_cpu_ns(process.pid), procfs.read_stat(process.pid)
        if own_ns is None or stat is None or stat.started_ticks != process.started_ticks:
            return
        # The parent too: an orphan is waited for by whoever adopted it.
        entry.process, entry.role, entry.alive = process, role, True
        entry.own_ns, entry.reaped_ns = max(own_ns, entry.own_ns), stat.reaped_ticks * self._tick_ns
