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
    """`unseen_ns` is what children used that nobody ever saw: the rest of what the process has waited for."""

    process: Process
    role: Role
    own_ns: int = 0
    reaped_ns: int = 0
    unseen_ns: int = 0
    gone: bool = False


class CpuLedger(Generic[Role]):
    """CPU time by role over the whole life of a changing set of processes; totals never go down."""

    def __init__(self) -> None:
        self._entries: dict[tuple[int, int], _Entry[Role]] = {}
        """Parents before their children, who were found through them."""
        self._tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def read(self, members: Iterable[tuple[Process, Role]]) -> dict[Role, int]:
        """Nanoseconds used so far by each role, processes that have ended included."""
        for process, role in members:
            entry = self._entries.setdefault(process.key, _Entry(process, role))
            # The parent too: an orphan is waited for by whoever adopted it.
            entry.process, entry.role = process, role
        for entry in self._entries.values():
            # Also who is no member any more: until somebody has waited for it, its parent's figures are without it.
            if not entry.gone:
                self._look(entry)
        self._note_unseen()
        totals: dict[Role, int] = defaultdict(int)
        for entry in self._entries.values():
            totals[entry.role] += entry.own_ns + entry.unseen_ns
        return dict(totals)

    def _look(self, entry: _Entry[Role]) -> None:
        process = entry.process
        own_ns, stat = process_cpu_ns(process.pid), procfs.read_stat(process.pid)
        if own_ns is None or stat is None or stat.started_ticks != process.started_ticks:
            entry.gone = True
        else:
            entry.own_ns, entry.reaped_ns = max(own_ns, entry.own_ns), stat.reaped_ticks * self._tick_ns

    def _note_unseen(self) -> None:
        """Who waits for a process gets what that one has waited for as well: it goes up to the next that lives."""
        ended_ns: dict[int, int] = defaultdict(int)
        for entry in reversed(self._entries.values()):
            children_ns = ended_ns[entry.process.pid]
            entry.unseen_ns = max(entry.unseen_ns, entry.reaped_ns - children_ns)
            if entry.gone:
                ended_ns[entry.process.parent_pid] += entry.own_ns + entry.unseen_ns + children_ns
