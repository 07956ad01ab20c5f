"""Reads what the server's process tree uses, split into front and model workers.

The front is everything that is not a model worker: the HTTP process and the master above it. What a model worker
starts counts as that worker. The load driver and this process are never in the tree.
"""

from __future__ import annotations

from dataclasses import dataclass

from plimsoll.host import procfs
from plimsoll.host.cpu_clock import CpuLedger
from plimsoll.host.memory import (
    GroupMemory,
    ProcessMemory,
    group_memory,
    peak_rss_bytes,
    read_anonymous,
    read_memory,
    reset_peak,
    resident_bytes,
)
from plimsoll.host.processes import Process, ProcessTree

FRONT = "front"
_WORKER_MODULE = "plimsoll.workers"


@dataclass(frozen=True, slots=True)
class TreeMemory:
    """`roles` are the front and each worker."""

    total: GroupMemory
    roles: dict[str, GroupMemory]

    def worker_bytes(self) -> int:
        """What one more worker would take: the private memory of the biggest."""
        return max((memory.private_bytes for role, memory in self.roles.items() if role != FRONT), default=0)


class ServerMeter:
    """Counters of one server tree; readings are cumulative, callers subtract."""

    def __init__(self, tree: ProcessTree) -> None:
        self._tree = tree
        self._ledger: CpuLedger[str] = CpuLedger()
        self._inside_workers: dict[tuple[int, int], str] = {}
        self._worker_count = 0
        self._members: list[tuple[Process, str]] = []
        self.peak_unknown: str | None = None
        self.memory_unknown: str | None = None
        self.held_share: float | None = None

    def refresh(self) -> None:
        """Looks who is in the tree now; what follows goes by that until the next look."""
        by_pid: dict[int, str] = {}
        self._members = []
        for process in self._tree.members():
            by_pid[process.pid] = self._role(process, by_pid.get(process.parent_pid, FRONT))
            self._members.append((process, by_pid[process.pid]))

    def pids(self) -> frozenset[int]:
        return frozenset(process.pid for process, _ in self._members)

    def known_cpu_s(self) -> float:
        """CPU time of the tree since the server was started, of the members known: cheap, for around one request."""
        return sum(self._ledger.read(self._members).values()) / 1e9

    def cpu_ns(self) -> dict[str, int]:
        """CPU time by role since the server was started, ended processes included."""
        self.refresh()
        return self._ledger.read(self._members)

    def total_cpu_s(self) -> float:
        return sum(self.cpu_ns().values()) / 1e9

    def reset_peaks(self) -> None:
        """Starts all high-water marks anew; where that is not allowed `peak_unknown` says why."""
        self.refresh()
        for process, _ in self._members:
            self.peak_unknown = reset_peak(process.pid) or self.peak_unknown

    def known_peaks_bytes(self) -> int:
        """Σ high-water marks of the known: for differences around one request, where what is shared cancels out."""
        return sum(peak_rss_bytes(process.pid) for process, _ in self._members)

    def known_resident_bytes(self) -> int:
        """Σ RSS of the known, what they share counted several times: cheap; see `held_share`."""
        return sum(resident_bytes(process.pid) for process, _ in self._members)

    def worker_threads_ns(self) -> dict[tuple[int, int], dict[int, int]]:
        """CPU time of each thread of each known model worker, by process and thread."""
        workers = (process for process, role in self._members if role != FRONT)
        return {process.key: procfs.thread_cpu_ns(process.pid) for process in workers}

    def anonymous_bytes(self) -> int | None:
        """Memory that no file backs, of the known: cheap, for a series; None where the kernel does not tell."""
        sizes = [size for process, _ in self._members if (size := read_anonymous(process.pid)) is not None]
        return sum(sizes) if sizes else None

    def memory(self) -> TreeMemory:
        """The tree now, and its peaks since the last reset."""
        self.refresh()
        found: dict[str, list[ProcessMemory]] = {}
        for process, role in self._members:
            memory = read_memory(process.pid)
            if memory is not None:
                found.setdefault(role, []).append(memory)
        everyone = [memory for members in found.values() for memory in members]
        if self._members and not everyone:
            self.memory_unknown = "the kernel does not tell the memory of the processes (/proc/<pid>/smaps_rollup)"
        total = group_memory(everyone)
        self.held_share = total.held_bytes / max(1, sum(memory.rss_bytes for memory in everyone))
        return TreeMemory(total, {role: group_memory(members) for role, members in found.items()})

    def _role(self, process: Process, parent_role: str) -> str:
        if process.key in self._inside_workers:
            return self._inside_workers[process.key]
        role = parent_role
        if role == FRONT:
            if not any(argument.startswith(_WORKER_MODULE) for argument in process.command_line):
                # A child between fork and exec still wears the front's command line: look again next time.
                return FRONT
            role = f"worker {self._worker_count}"
            self._worker_count += 1
        self._inside_workers[process.key] = role
        return role
