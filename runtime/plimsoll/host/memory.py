"""Memory of processes: what they hold, what they share, and the most they ever held.

RSS counts a shared page in every process that maps it, PSS a part of it in each. The sum of PSS is the memory of a
group only while nobody outside maps the same files: beside a second process with the same libraries a group looks
smaller than it is. So files are counted here by what the group itself maps, everything else by PSS.
VmHWM is the kernel's own high-water mark of RSS; writing 5 to /proc/<pid>/clear_refs starts it anew (proc(5)).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from plimsoll.host import procfs

_RESET_PEAK = "5"
_KERNEL_STACK_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """One process at one moment, all in bytes; `peak_bytes` is the greatest RSS since start or since the last reset.

    `private_bytes` is memory that no file backs: what another process of the same kind would take once more.
    `files` says how much of each file is resident here.
    """

    rss_bytes: int
    pss_bytes: int
    private_bytes: int
    shmem_bytes: int
    peak_bytes: int
    swap_bytes: int
    kernel_bytes: int
    files: Mapping[str, int]


def read_memory(pid: int) -> ProcessMemory | None:
    """Memory of a process; None where it is gone or may not be looked into."""
    rollup, status = procfs.read_sizes(pid, "smaps_rollup"), procfs.read_sizes(pid, "status")
    if "Pss" not in rollup or "VmHWM" not in status:
        return None
    # Kernels before 5.9 do not split PSS by kind: then it is added up mapping by mapping.
    kinds = rollup if "Pss_Anon" in rollup else procfs.read_pss_kinds(pid)
    return ProcessMemory(
        rss_bytes=rollup["Rss"],
        pss_bytes=rollup["Pss"],
        private_bytes=kinds["Pss_Anon"],
        shmem_bytes=kinds["Pss_Shmem"],
        peak_bytes=max(status["VmHWM"], rollup["Rss"]),
        swap_bytes=rollup.get("Swap", 0),
        kernel_bytes=status.get("VmPTE", 0) + _KERNEL_STACK_BYTES * procfs.thread_count(pid),
        files=procfs.read_resident_files(pid),
    )


def read_anonymous(pid: int) -> int | None:
    """Memory that no file backs, in bytes, pages shared with a fork divided among those that share them.

    None where the process is gone or the kernel does not tell.
    """
    rollup = procfs.read_sizes(pid, "smaps_rollup")
    return rollup.get("Pss_Anon", rollup.get("Anonymous"))


def peak_rss_bytes(pid: int) -> int:
    """The high-water mark alone: cheap enough to be read around every request; 0 where the process is gone."""
    return procfs.read_sizes(pid, "status").get("VmHWM", 0)


def resident_bytes(pid: int) -> int:
    """RSS alone; 0 where the process is gone."""
    return procfs.read_sizes(pid, "status").get("VmRSS", 0)


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
    """A group of processes at one moment, in bytes.

    `held_bytes` is what the group needs by itself, what several of its members map counted once. `pss_bytes` is the
    sum of PSS: the same while nobody outside maps the same files, less otherwise.
    """

    held_bytes: int
    pss_bytes: int
    private_bytes: int
    peak_bytes: int
    high_water_sum_bytes: int
    swap_bytes: int
    shmem_bytes: int


def group_memory(members: Iterable[ProcessMemory]) -> GroupMemory:
    """Adds up a group.

    Peak = memory now + Σ(VmHWM - RSS) + page tables and kernel stacks: every process at its own high-water mark. The
    marks need not have been reached at the same time, so this bounds from above.
    """
    processes = list(members)
    private_bytes = sum(process.private_bytes for process in processes)
    shmem_bytes = sum(process.shmem_bytes for process in processes)
    held_bytes = private_bytes + shmem_bytes + _files_bytes(processes)
    kernel_bytes = sum(process.kernel_bytes for process in processes)
    rises_bytes = sum(process.peak_bytes - process.rss_bytes for process in processes)
    return GroupMemory(
        held_bytes=held_bytes,
        pss_bytes=sum(process.pss_bytes for process in processes),
        private_bytes=private_bytes,
        peak_bytes=held_bytes + rises_bytes + kernel_bytes,
        high_water_sum_bytes=sum(process.peak_bytes for process in processes) + kernel_bytes,
        swap_bytes=sum(process.swap_bytes for process in processes),
        shmem_bytes=shmem_bytes,
    )


def _files_bytes(processes: Iterable[ProcessMemory]) -> int:
    """Each file once: as much of it as that member has resident who has most of it."""
    most: dict[str, int] = {}
    for process in processes:
        for file, size_bytes in process.files.items():
            most[file] = max(size_bytes, most.get(file, 0))
    return sum(most.values())
