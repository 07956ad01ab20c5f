"""Ends processes that must not go on, however fast they start others."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from plimsoll.host.processes import Process

_HALTING_PASSES = 20
_TRACKER_PATIENCE_S = 1.0
_ROUND_S = 0.02


class Strays:
    """`find` looks for them anew at every call; none of them is waited for here."""

    def __init__(self, find: Callable[[], list[Process]]) -> None:
        self._find = find
        self._trackers: dict[tuple[int, int], float] = {}

    def end(self) -> bool:
        """One round, which never blocks; True when nothing was left to be ended."""
        found = self._halted()
        now_s = time.monotonic()
        for process in found:
            if not _is_tracker(process) or self._is_overdue(process, now_s):
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
        found: dict[tuple[int, int], Process] = {}
        for _ in range(_HALTING_PASSES):
            new = [process for process in self._find() if process.key not in found]
            for process in new:
                found[process.key] = process
                if not _is_tracker(process):
                    process.send(signal.SIGSTOP)
            if not new:
                break
        return list(found.values())

    def _is_overdue(self, tracker: Process, now_s: float) -> bool:
        """multiprocessing's trackers remove shared memory and semaphores when all who used them are gone."""
        return now_s - self._trackers.setdefault(tracker.key, now_s) > _TRACKER_PATIENCE_S


def _is_tracker(process: Process) -> bool:
    return any("resource_tracker import main" in argument for argument in process.command_line)
