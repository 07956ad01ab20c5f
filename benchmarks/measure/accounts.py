"""CPU time of this machine since a moment, by who used it: the server, the clients (this process too), others.

The clocks are those of the processes, in nanoseconds. Of the server and the clients, what has ended meanwhile is
counted too, by what its parent has waited for; a server adopts the orphans of its own tree (see `Server`), so that
none is lost. Of others only processes that live on are seen that way; the rest of them, in other containers too, is
what the machine's own counters have beyond the server and the clients.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Literal

from plimsoll.host import procfs
from plimsoll.host.cpu_clock import CpuLedger, process_cpu_ns
from plimsoll.host.processes import Process

Role = Literal["server", "client"]
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds of CPU between two readings, and the capacity: elapsed time times processors."""

    server_s: float
    client_s: float
    other_s: float
    stolen_s: float
    capacity_s: float

    @property
    def disturbance(self) -> float:
        """The share of the machine that neither the server nor its client had, though somebody did."""
        return (self.other_s + self.stolen_s) / self.capacity_s


@dataclass(frozen=True, slots=True)
class _Reading:
    at_s: float
    cpu_ns: dict[Role, int]
    others_ns: dict[tuple[int, int], int]
    machine_s: float
    stolen_s: float


class Accounts:
    """Begins to count when it is made; `usage` counts up to now.

    `server_pid` is the root of the server's tree; while it is None, all that this process has started is its client.
    """

    def __init__(self, server_pid: int | None) -> None:
        self._server_pid = server_pid
        self._ledger: CpuLedger[Role] = CpuLedger()
        self._begin = self._read()

    def usage(self) -> Usage:
        begin, end = self._begin, self._read()
        server_s, client_s = (
            (end.cpu_ns.get(role, 0) - begin.cpu_ns.get(role, 0)) / 1e9 for role in ("server", "client")
        )
        seen_s = sum(used_ns - begin.others_ns.get(key, 0) for key, used_ns in end.others_ns.items()) / 1e9
        counted_s = end.machine_s - begin.machine_s - server_s - client_s
        return Usage(
            server_s,
            client_s,
            max(seen_s, counted_s),
            end.stolen_s - begin.stolen_s,
            (end.at_s - begin.at_s) * (os.cpu_count() or 1),
        )

    def _read(self) -> _Reading:
        at_s = time.monotonic()
        processes = {pid: process for pid in procfs.pids() if (process := Process.read(pid))}
        roles = _Roles(processes, self._server_pid)
        ours = [(process, role) for pid, process in processes.items() if (role := roles.of(pid))]
        others = {process.key: process_cpu_ns(pid) or 0 for pid, process in processes.items() if not roles.of(pid)}
        return _Reading(at_s, self._ledger.read(ours), others, *_machine_s())


class _Roles:
    """By ancestry: the server's tree, this process with what it has started; None for everybody else."""

    def __init__(self, processes: dict[int, Process], server_pid: int | None) -> None:
        self._processes = processes
        self._known: dict[int, Role | None] = {0: None, os.getpid(): "client"}
        if server_pid is not None:
            self._known[server_pid] = "server"

    def of(self, pid: int) -> Role | None:
        if pid not in self._known:
            process = self._processes.get(pid)
            self._known[pid] = self.of(process.parent_pid) if process else None
        return self._known[pid]


def _machine_s() -> tuple[float, float]:
    """CPU time of all processes, and what the hypervisor gave to others, by proc_stat(5).

    Interrupts are left out: the kernel may count them here and in the clock of the process that they hit.
    """
    with open("/proc/stat") as file:
        user, nice, system, _, _, _, _, stolen, *_ = (int(ticks) for ticks in file.readline().split()[1:])
    return (user + nice + system) / _TICKS_PER_S, stolen / _TICKS_PER_S
