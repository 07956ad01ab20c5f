"""Parsers for the files under /proc/<pid>, one function per file.

A process may end between two reads, so every function answers None (or nothing) for a process that is gone.
Sizes are bytes, times are clock ticks as the kernel gives them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

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


def read_stat(pid: int) -> Stat | None:
    """/proc/<pid>/stat; the command name may hold blanks and brackets, so fields are counted after the last bracket."""
    text = read_text(f"/proc/{pid}/stat")
    if not text:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return Stat(int(fields[1]), fields[0], int(fields[13]) + int(fields[14]), int(fields[19]))


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


def thread_count(pid: int) -> int:
    """Threads of a process, 0 where it is gone."""
    return len(_names(f"/proc/{pid}/task"))


def children_of(pid: int) -> list[int]:
    """Direct children, by the kernel's own list where it has one, else by a scan of all processes."""
    lists = [read_text(f"/proc/{pid}/task/{thread}/children") for thread in _names(f"/proc/{pid}/task")]
    if lists and all(text is None for text in lists):
        return _children_by_scan(pid)
    return [int(child) for text in lists if text for child in text.split()]


def _children_by_scan(parent_pid: int) -> list[int]:
    pids = [int(name) for name in _names("/proc") if name.isdigit()]
    return [pid for pid in pids if (stat := read_stat(pid)) is not None and stat.parent_pid == parent_pid]


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except _GONE:
        return []
