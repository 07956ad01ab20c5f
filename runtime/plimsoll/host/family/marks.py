"""A mark on a process that everything it starts carries too, so that it can be found again wherever it went.

A daemon leaves its session, its group and its parent, and often its environment. What it keeps, through fork, setsid
and exec, are its resource limits (getrlimit(2)). The mark is the soft limit RLIMIT_RTTIME: microseconds that a process
with a real-time policy may compute without a pause. The numbers used here are over 70,000 years, so nothing is limited.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from dataclasses import dataclass

from plimsoll.host import procfs

_LIMIT = resource.RLIMIT_RTTIME
_LINE = "Max realtime timeout"
_BASE = 1 << 61
_SERVER_BITS, _FRONT_BITS, _WORKER_BITS = 33, 10, 18


@dataclass(frozen=True, slots=True)
class Mark:
    """Of a server, of one of its fronts (from 1), of one of that front's workers (from 1); 0 is none of them."""

    server: int
    front: int = 0
    worker: int = 0

    @property
    def number(self) -> int:
        """Numbers of fronts and workers begin again when they are used up: the first have long ended by then."""
        front, worker = _wrapped(self.front, _FRONT_BITS), _wrapped(self.worker, _WORKER_BITS)
        return _BASE | self.server << _FRONT_BITS + _WORKER_BITS | front << _WORKER_BITS | worker

    @classmethod
    def of_number(cls, number: int) -> Mark | None:
        """The opposite of `number`; None for what is no mark."""
        if number >> 61 != 1:
            return None
        server, rest = divmod(number - _BASE, 1 << _FRONT_BITS + _WORKER_BITS)
        return cls(server, *divmod(rest, 1 << _WORKER_BITS))


def new_server_mark() -> Mark:
    """One that no process on this machine carries."""
    taken = {mark.server for mark in map(mark_of, procfs.pids()) if mark is not None}
    while (server := _random_server()) in taken:
        continue
    return Mark(server)


def _random_server() -> int:
    # The module `secrets` would cost every worker a megabyte.
    return int.from_bytes(os.urandom(8)) % (1 << _SERVER_BITS)


def put_on(mark: Mark) -> bool:
    """Marks this process, and what it starts from now on. False where the kernel or a lower hard limit forbids it."""
    try:
        _, hard = resource.getrlimit(_LIMIT)
        resource.setrlimit(_LIMIT, (mark.number, hard))
    except (OSError, ValueError):
        return False
    return True


def mark_of(pid: int) -> Mark | None:
    """None where there is no mark, no such process, or no right to look; 0 is this process."""
    try:
        soft, _ = resource.prlimit(pid, _LIMIT)
    except ProcessLookupError:
        return None
    except PermissionError:
        # root without CAP_SYS_RESOURCE, as in a container, may still end what runs as another user.
        return _mark_in_file(pid) if os.geteuid() == 0 else None
    return Mark.of_number(soft)


def carries(is_one: Callable[[Mark], bool]) -> Callable[[int], bool]:
    """Says of a pid whether its process has such a mark: a system call, no file is read."""

    def matches(pid: int) -> bool:
        mark = mark_of(pid)
        return mark is not None and is_one(mark)

    return matches


def _mark_in_file(pid: int) -> Mark | None:
    for line in (procfs.read_text(f"/proc/{pid}/limits") or "").splitlines():
        if line.startswith(_LINE):
            soft = line[len(_LINE) :].split()[0]
            return Mark.of_number(int(soft)) if soft.isdigit() else None
    return None


def _wrapped(number: int, bits: int) -> int:
    """0 stays 0, and nothing else becomes it."""
    return (number - 1) % ((1 << bits) - 1) + 1 if number else 0
