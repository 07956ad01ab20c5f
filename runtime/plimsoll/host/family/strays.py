"""Ends processes that must not go on, however fast they start others."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable

from plimsoll.host import procfs
from plimsoll.host.processes import Process, signal_if

_HALTING_PASSES = 20
_TRACKER_PATIENCE_S = 1.0
_ROUND_S = 0.02


class Strays:
    """Those that `is_one` says of `pids`, by default of all there are. None of them is waited for here."""

    def __init__(self, is_one: Callable[[int], bool], pids: Callable[[], Iterable[int]] = procfs.pids) -> None:
        self._is_one = is_one
        self._pids = pids
        self._trackers: dict[tuple[int, int], float] = {}

    def end(self) -> bool:
        """One round, which never blocks; True when nothing was left to be ended."""
        found = self._halted()
        now_s = time.monotonic()
        for process in found:
            if not is_tracker(process.command_line) or self._is_overdue(process, now_s):
                process.send(signal.SIGKILL)
        if not found:
            self._trackers.clear()
        return not found

    def end_all(self, patience_s: float) -> bool:
        """Rounds until nothing is left; False when that took too long."""
        deadline_s = time.monotonic() + patience_s
        while not self.end():
            if time.monotonic() > deadline_s:
                return False
            time.sleep(_ROUND_S)
        return True

    def _halted(self) -> list[Process]:
        """Stopped first, all of them: one that is killed makes room for the next that another one starts."""
        halted: dict[int, Process | None] = {}
        for _ in range(_HALTING_PASSES):
            before = len(halted)
            # Each at the moment it is come across: one that goes from pid to pid is gone from this one soon.
            for pid in self._pids():
                if pid not in halted and self._is_one(pid) and signal_if(pid, signal.SIGSTOP, self._is_one):
                    halted[pid] = _left_running_if_tracker(Process.read(pid))
            if len(halted) == before:
                break
        return [process for process in halted.values() if process is not None]

    def _is_overdue(self, tracker: Process, now_s: float) -> bool:
        """multiprocessing's trackers remove shared memory and semaphores when all who used them are gone."""
        return now_s - self._trackers.setdefault(tracker.key, now_s) > _TRACKER_PATIENCE_S


def _left_running_if_tracker(process: Process | None) -> Process | None:
    """None is what has ended and is not waited for yet."""
    if process is not None and is_tracker(process.command_line):
        process.send(signal.SIGCONT)
    return process


def is_tracker(command_line: Iterable[str]) -> bool:
    return any("resource_tracker import main" in argument for argument in command_line)
