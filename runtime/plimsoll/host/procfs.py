"""Parsers for the files under /proc/<pid>, one function per file.

A process may end between two reads, so every function answers None (or nothing) for a process that is gone.
Sizes are bytes, times are clock ticks as the kernel gives them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

_MAPPING = re.compile(r"[0-9a-f]+-[0-9a-f]+ ")
_SHARED_MEMORY = ("/dev/shm/", "/memfd:", "/SYSV", "/dev/zero")  # noqa: S108  names in a listing, nothing is opened
_BUSY_FIELDS = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal; guest time is inside user
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)


@dataclass(frozen=True, slots=True)
class Stat:
    """The part of /proc/<pid>/stat that is used here; `reaped_ticks` is the CPU of children waited for."""

    parent_pid: int
    state: str
    reaped_ticks: int
    started_ticks: int

    @property
    def alive(self) -> bool:
        """False for a process that has ended but is not waited for yet."""
        return self.state not in {"Z", "X", "x"}


def read_text(path: str) -> str | None:
    """The file's text, or None where its process is gone or hidden."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except _GONE:
        return None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process uses, by one file of the kernel's: a third of what asking psutil for the same costs."""

    cpu_s: float
    resident_bytes: int
    threads: int


def read_stat(pid: int) -> Stat | None:
    """/proc/<pid>/stat"""
    fields = _stat_fields(pid)
    if fields is None:
        return None
    return Stat(int(fields[1]), fields[0], int(fields[13]) + int(fields[14]), int(fields[19]))


def read_usage(pid: int) -> Usage | None:
    """User and system CPU time, resident memory (shared pages included) and threads."""
    fields = _stat_fields(pid)
    if fields is None:
        return None
    return Usage(
        cpu_s=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        resident_bytes=int(fields[21]) * os.sysconf("SC_PAGE_SIZE"),
        threads=int(fields[17]),
    )


def _stat_fields(pid: int) -> list[str] | None:
    """From the third on, the state: the command name before it may hold blanks and brackets."""
    text = read_text(f"/proc/{pid}/stat")
    return text[text.rindex(")") + 2 :].split() if text else None


def busy_cpu_s() -> float:
    """CPU seconds of the whole machine since boot, without idling. In ticks of 10 ms: good for a second and more."""
    fields = (read_text("/proc/stat") or "cpu").partition("\n")[0].split()[1:]
    return sum(int(fields[place]) for place in _BUSY_FIELDS if place < len(fields)) / os.sysconf("SC_CLK_TCK")


def read_command_line(pid: int) -> tuple[str, ...]:
    """The argument vector; empty for kernel threads and for a process that is gone."""
    text = read_text(f"/proc/{pid}/cmdline") or ""
    return tuple(text.split("\0")[:-1])


def parse_kilobytes(text: str) -> dict[str, int]:
    """Lines such as `VmHWM:  8716 kB` as a name → bytes mapping; other lines are left out."""
    sizes: dict[str, int] = {}
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        value = rest.split()
        if colon and len(value) == 2 and value[1] == "kB":
            sizes[name] = sizes.get(name, 0) + int(value[0]) * 1024
    return sizes


def read_sizes(pid: int, file: str) -> dict[str, int]:
    """The sizes in `status`, `smaps_rollup` or `smaps` of a process; empty where it is gone."""
    return parse_kilobytes(read_text(f"/proc/{pid}/{file}") or "")


def read_resident_files(pid: int) -> dict[str, int]:
    """Device and inode → bytes of that file resident in the process; copies it made by writing are not the file's.

    Shared memory (/dev/shm, memfd) is no file here: its pages belong to nobody else.
    """
    files: dict[str, int] = {}
    file = ""
    for line in (read_text(f"/proc/{pid}/smaps") or "").splitlines():
        name, _, rest = line.partition(":")
        if name == "Rss" and file:
            files[file] = files.get(file, 0) + int(rest.split()[0]) * 1024
        elif name == "Anonymous" and file:
            files[file] -= int(rest.split()[0]) * 1024
        elif _MAPPING.match(line):
            file = _file_of(line)
    return files


def read_mapped(pid: int, name: str) -> int:
    """Bytes resident in the process of the mappings that are called `name` in smaps."""
    total, counts = 0, False
    for line in (read_text(f"/proc/{pid}/smaps") or "").splitlines():
        if _MAPPING.match(line):
            counts = name in line
        elif counts and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


def read_pss_kinds(pid: int) -> dict[str, int]:
    """`Pss_Anon` and `Pss_Shmem` by the rows of smaps, for kernels whose smaps_rollup lacks them.

    What a process has written to of a private mapping of a file is anonymous memory too.
    """
    kinds = {"Pss_Anon": 0, "Pss_Shmem": 0}
    header = ""
    for line in (read_text(f"/proc/{pid}/smaps") or "").splitlines():
        name, _, rest = line.partition(":")
        if _MAPPING.match(line):
            header = line
        elif name == "Pss" and not _file_of(header):
            shared = len(header.split(maxsplit=5)) > 5 and header.split(maxsplit=5)[5].startswith(_SHARED_MEMORY)
            kinds["Pss_Shmem" if shared else "Pss_Anon"] += int(rest.split()[0]) * 1024
        elif name == "Anonymous" and _file_of(header):
            kinds["Pss_Anon"] += int(rest.split()[0]) * 1024
    return kinds


def _file_of(line: str) -> str:
    """The header of a mapping: addresses, permissions, offset, device, inode, path."""
    fields = line.split(maxsplit=5)
    if fields[4] == "0" or len(fields) < 6 or fields[5].startswith(_SHARED_MEMORY):
        return ""
    return f"{fields[3]} {fields[4]}"


def thread_count(pid: int) -> int:
    """Threads of a process, 0 where it is gone."""
    return len(_names(f"/proc/{pid}/task"))


def thread_cpu_ns(pid: int) -> dict[int, int]:
    """Thread → nanoseconds it ran so far, by /proc/<pid>/task/<tid>/schedstat; empty where the kernel does not tell."""
    texts = {int(thread): read_text(f"/proc/{pid}/task/{thread}/schedstat") for thread in _names(f"/proc/{pid}/task")}
    return {thread: int(text.split()[0]) for thread, text in texts.items() if text}


def children_of(pid: int) -> list[int]:
    """Direct children, by the kernel's own list where it has one, else by a scan of all processes."""
    lists = [read_text(f"/proc/{pid}/task/{thread}/children") for thread in _names(f"/proc/{pid}/task")]
    if lists and all(text is None for text in lists):
        return _children_by_scan(pid)
    return [int(child) for text in lists if text for child in text.split()]


def pids() -> list[int]:
    """Of all processes that can be seen."""
    return [int(name) for name in _names("/proc") if name.isdigit()]


def _children_by_scan(parent_pid: int) -> list[int]:
    return [pid for pid in pids() if (stat := read_stat(pid)) is not None and stat.parent_pid == parent_pid]


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except _GONE:
        return []
