"""Memory of processes: what they hold, what they share, and the most they ever held.

RSS counts a shared page in every process, USS in none, PSS once for all who map it: ΣPSS is the memory of a group.
VmHWM is the kernel's own high-water mark of RSS; writing 5 to /proc/<pid>/clear_refs starts it anew (proc(5)).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from plimsoll.host import procfs

_RESET_PEAK = "5"
_KERNEL_STACK_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """One process at one moment, all in bytes; `peak_bytes` is the greatest RSS since start or since the last reset."""

    rss_bytes: int
    pss_bytes: int
    uss_bytes: int
    peak_bytes: int
    swap_bytes: int
    shmem_bytes: int
    kernel_bytes: int

    @property
    def shared_bytes(self) -> int:
        """Resident, but mapped by another process too."""
        return self.rss_bytes - self.uss_bytes


def read_memory(pid: int) -> ProcessMemory | None:
    """Memory of a process; None where it is gone or may not be looked into."""
    rollup = procfs.read_sizes(pid, "smaps_rollup") or procfs.read_sizes(pid, "smaps")
    status = procfs.read_sizes(pid, "status")
    if "Pss" not in rollup or "VmHWM" not in status:
        return None
    return ProcessMemory(
        rss_bytes=rollup["Rss"],
        pss_bytes=rollup["Pss"],
        uss_bytes=rollup["Private_Clean"] + rollup["Private_Dirty"],
        peak_bytes=max(status["VmHWM"], rollup["Rss"]),
        swap_bytes=rollup.get("Swap", 0),
        shmem_bytes=rollup.get("Pss_Shmem", 0),
        kernel_bytes=status.get("VmPTE", 0) + _KERNEL_STACK_BYTES * procfs.thread_count(pid),
    )


def peak_rss_bytes(pid: int) -> int:
    """The high-water mark alone: cheap enough to be read around every request; 0 where the process is gone."""
    return procfs.read_sizes(pid, "status").get("VmHWM", 0)


def reset_peak(pid: int) -> str | None:
    """Starts VmHWM anew from the present RSS; answers why it could not, or None."""
    try:
        with open(f"/proc/{pid}/clear_refs", "w") as file:
            file.write(_RESET_PEAK)
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError as error:
        return f"the kernel does not let the high-water mark of a process be reset ({error.strerror})"
    return None


@dataclass(frozen=True, slots=True)
class GroupMemory:
    """A group of processes at one moment, in bytes, shared pages counted once in `pss_bytes` and `peak_bytes`."""

    pss_bytes: int
    uss_bytes: int
    peak_bytes: int
    high_water_sum_bytes: int
    swap_bytes: int
    shmem_bytes: int

    @property
    def shared_bytes(self) -> int:
        """The group's part of the pages that several processes map."""
        return self.pss_bytes - self.uss_bytes


def group_memory(members: Iterable[ProcessMemory]) -> GroupMemory:
    """Adds up a group.

    Peak = Σ(VmHWM_i - shared_i) + (ΣPSS - ΣUSS) + page tables and kernel stacks: each process at its own high-water
    mark, what they share once. The marks need not have been reached at the same time, so this bounds from above;
    it is never below ΣPSS.
    """
    processes = list(members)
    pss_bytes = sum(process.pss_bytes for process in processes)
    uss_bytes = sum(process.uss_bytes for process in processes)
    kernel_bytes = sum(process.kernel_bytes for process in processes)
    own_peaks_bytes = sum(process.peak_bytes - process.shared_bytes for process in processes)
    return GroupMemory(
        pss_bytes=pss_bytes,
        uss_bytes=uss_bytes,
        peak_bytes=max(pss_bytes, own_peaks_bytes + pss_bytes - uss_bytes) + kernel_bytes,
        high_water_sum_bytes=sum(process.peak_bytes for process in processes) + kernel_bytes,
        swap_bytes=sum(process.swap_bytes for process in processes),
        shmem_bytes=sum(process.shmem_bytes for process in processes),
    )
