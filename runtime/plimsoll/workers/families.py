"""What workers have started, seen from the front: it ends with its worker, and all of it with the front.

The front adopts orphans, so everything below it stays below it. Whose a process is its control group says, where a
worker can have one, and its mark. One that has no such group and has taken its mark off is nobody's, and ends when the
front does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Collection
from dataclasses import replace

from plimsoll.host.descendants import Descendants
from plimsoll.host.family.leftovers import Leftovers, pids_left_of
from plimsoll.host.family.marks import Mark, mark_of
from plimsoll.host.family.strays import Strays
from plimsoll.host.parent import adopts_orphans

_LOG = logging.getLogger("plimsoll.workers")
_ROUND_S = 0.02
_WARN_AFTER_S = 5.0
_REAP_S = 1.0


class Families:
    """Every method is called on the event loop. `worker_pids` are children that somebody else waits for."""

    def __init__(self, worker_pids: Callable[[], Collection[int]]) -> None:
        self._worker_pids = worker_pids
        self._loop = asyncio.get_running_loop()
        self._front = mark_of(0)
        self._adopts = adopts_orphans()
        self._started = 0
        self._ended: dict[Mark, float] = {}
        self._leftovers = Leftovers(self._ended.__contains__)
        self._round: asyncio.TimerHandle | None = None
        self._reaping: asyncio.TimerHandle | None = None
        if self._adopts:
            self._reap()

    def new_mark(self) -> Mark | None:
        """For the next worker; None where processes cannot be marked."""
        if self._front is None:
            return None
        self._started += 1
        # As the kernel gives it back: numbers begin again some day.
        return Mark.of_number(replace(self._front, worker=self._started).number)

    def end(self, mark: Mark | None) -> None:
        """The worker with this mark has ended: what it started does so now."""
        if mark is not None:
            self._ended[mark] = time.monotonic()
            self._end_marked()

    async def end_all(self, patience_s: float) -> None:
        """All workers have ended: so does everything below this process, marked or not."""
        if not self._adopts:
            return
        descendants = Descendants()
        strays = Strays(descendants.includes, descendants.pids)
        deadline_s = time.monotonic() + patience_s
        while not _over(strays) and time.monotonic() < deadline_s:
            await asyncio.sleep(_ROUND_S)
            self._reap_all()
        for timer in (self._round, self._reaping):
            if timer is not None:
                timer.cancel()

    def _end_marked(self) -> None:
        if self._round is not None:
            self._round.cancel()
            self._round = None
        if _over(self._leftovers):
            self._ended.clear()
            return
        self._warn_of_the_immortal()
        self._round = self._loop.call_later(_ROUND_S, self._end_marked)

    def _warn_of_the_immortal(self) -> None:
        now_s = time.monotonic()
        for mark, since_s in self._ended.items():
            if now_s - since_s > _WARN_AFTER_S:
                self._ended[mark] = now_s
                pids = ", ".join(map(str, pids_left_of(mark)))
                _LOG.warning("processes of a worker that has ended are killed and do not end: pid %s", pids)

    def _reap(self) -> None:
        self._reap_all()
        self._reaping = self._loop.call_later(_REAP_S, self._reap)

    def _reap_all(self) -> None:
        """Orphans that have ended; never a worker, whose exit status is awaited elsewhere."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) is not None:
                if ended.si_pid in self._worker_pids():
                    return
                os.waitpid(ended.si_pid, os.WNOHANG)


def _over(strays: Strays) -> bool:
    try:
        return strays.end()
    except OSError:  # no descriptor is free to look with: again in a moment
        return False
