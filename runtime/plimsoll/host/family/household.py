"""The master's side of the promise that nothing outlives the server: see docs/behaviour.md, "What a script starts"."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from plimsoll.host.family.groups import sweep_groups
from plimsoll.host.family.guardian import Guardian
from plimsoll.host.family.leftovers import Leftovers
from plimsoll.host.family.marks import Mark, new_server_mark, put_on
from plimsoll.host.parent import adopt_orphans

_LOG = logging.getLogger("plimsoll.server")
_PATIENCE_S = 5.0
_UNMARKED = "processes cannot be marked here (RLIMIT_RTTIME): a daemon that the script starts may outlive its worker"


class Household:
    """Made in the master before its first front. A front is known by its number: the mark that it puts on itself."""

    def __init__(self) -> None:
        mark = new_server_mark()
        self._guardian = Guardian(mark) if put_on(mark) else None
        self._mark = mark
        self._fronts: frozenset[int] = frozenset()
        self._gone = 0
        self._has_leftovers = False
        self._leftovers = Leftovers(self._is_left_by_front)
        adopt_orphans()
        sweep_groups()
        if self._guardian is not None:
            self._guardian.ensure()
        else:
            _LOG.warning(_UNMARKED)

    def look(self, fronts: Collection[int], started: int) -> None:
        """Ends what the fronts have left that are gone, of all that were started. Cheap while all live."""
        if self._guardian is None:
            return
        self._guardian.ensure()
        gone_before, self._gone = self._gone, started - len(fronts)
        if self._gone != gone_before or self._has_leftovers:
            self._fronts = _wrapped(fronts)
            self._has_leftovers = not self._leftovers.end()

    def end(self) -> None:
        """All fronts have ended, and so must everything else."""
        if self._guardian is None:
            return
        self._fronts = frozenset()
        if self._leftovers.end_all(_PATIENCE_S):
            self._guardian.end()

    def _is_left_by_front(self, mark: Mark) -> bool:
        return mark.server == self._mark.server and mark.front not in (0, *self._fronts)


def _wrapped(fronts: Iterable[int]) -> frozenset[int]:
    """As they stand in marks, where numbers begin again some day."""
    marks = (Mark.of_number(Mark(0, front).number) for front in fronts)
    return frozenset(mark.front for mark in marks if mark is not None)
