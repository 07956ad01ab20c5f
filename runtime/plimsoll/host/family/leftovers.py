"""All that carries such marks: groups of workers with everybody in them, and processes outside of any group."""

from __future__ import annotations

import os
from collections.abc import Callable

from plimsoll.host import procfs
from plimsoll.host.family.groups import worker_groups
from plimsoll.host.family.marks import Mark, carries
from plimsoll.host.family.strays import Strays


class Leftovers(Strays):
    """This process is never one of them."""

    def __init__(self, is_left: Callable[[Mark], bool]) -> None:
        own_pid, is_marked = os.getpid(), carries(is_left)
        super().__init__(lambda pid: pid != own_pid and is_marked(pid))
        self._is_left = is_left

    def end(self) -> bool:
        """The groups first: nobody in them gets round to forking again."""
        remaining = [group for group in worker_groups(self._is_left) if not group.end()]
        return super().end() and not remaining


def pids_left_of(mark: Mark) -> list[int]:
    """Of one worker, by its mark and by its group."""
    marked = filter(carries(mark.__eq__), procfs.pids())
    return sorted({*marked, *(pid for group in worker_groups(mark.__eq__) for pid in group.pids())})
