"""A process and everything it started: who is in the tree, and how to end it.

A descendant that was seen once stays a member while it lives, even when its parent ends and it is adopted by
another process. What starts and ends between two looks is not seen here; its CPU time is (see cpu_clock).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from plimsoll.host import procfs

_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Process:
    """One member of a tree; pid and start time together name a process for good, a pid alone may be reused."""

    pid: int
    started_ticks: int
    parent_pid: int
    command_line: tuple[str, ...]

    @property
    def key(self) -> tuple[int, int]:
        """What never changes and is never reused."""
        return self.pid, self.started_ticks

    def alive(self) -> bool:
        """Whether this very process still runs."""
        stat = procfs.read_stat(self.pid)
        return stat is not None and stat.alive and stat.started_ticks == self.started_ticks

    @classmethod
    def read(cls, pid: int) -> Process | None:
        """None where there is no such process, or only what is left of it until it is waited for."""
        stat = procfs.read_stat(pid)
        if stat is None or not stat.alive:
            return None
        return cls(pid, stat.started_ticks, stat.parent_pid, procfs.read_command_line(pid))

    def send(self, signal_number: signal.Signals) -> None:
        """Signals the process if it is still this one."""
        signal_if(self.pid, signal_number, lambda pid: self.alive())


def signal_if(pid: int, signal_number: signal.Signals, is_one: Callable[[int], bool]) -> bool:
    """Signals who has this pid if it is one of those; says whether it was.

    A descriptor for a process never comes to mean another one, as a pid may between look and signal.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(pid)
        try:
            if is_one(pid):
                signal.pidfd_send_signal(handle, signal_number)
                return True
        finally:
            os.close(handle)
    return False


class ProcessTree:
    """The root process and its descendants."""

    def __init__(self, root_pid: int) -> None:
        self.root_pid = root_pid
        self._seen: dict[tuple[int, int], Process] = {}

    def members(self) -> list[Process]:
        """All living members, parents before their children."""
        found: dict[tuple[int, int], Process] = {}
        self._walk(self.root_pid, found)
        for process in list(self._seen.values()):
            if process.key not in found and process.alive():
                self._walk(process.pid, found)
        self._seen = found
        return list(found.values())

    def _walk(self, pid: int, found: dict[tuple[int, int], Process]) -> None:
        process = Process.read(pid)
        if process is None or process.key in found:
            return
        found[process.key] = process
        for child in procfs.children_of(pid):
            self._walk(child, found)

    def end(self, grace_s: float, reap: Callable[[], object]) -> None:
        """SIGTERM to the root, SIGKILL to whatever of the tree is left after `grace_s`; returns when all are gone.

        `reap` waits for the root without blocking: a child that nobody waits for never goes away.
        """
        members = self.members()
        for process in members[:1]:
            process.send(signal.SIGTERM)
        if self._wait_until_gone(members, grace_s, reap):
            return
        for process in {process.key: process for process in members + self.members()}.values():
            process.send(signal.SIGKILL)
        self._wait_until_gone(members, grace_s + 1.0, reap)

    def _wait_until_gone(self, members: list[Process], wait_s: float, reap: Callable[[], object]) -> bool:
        deadline_s = time.monotonic() + wait_s
        while True:
            reap()
            if not self.members() and not any(process.alive() for process in members):
                reap()  # the root may have ended since it was asked
                return True
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(_POLL_S)
