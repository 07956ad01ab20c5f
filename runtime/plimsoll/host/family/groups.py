"""A control group for each worker: no fork leads out of it, and the kernel ends all that is in it at once.

It wants version 2, alone or beside version 1, and cgroup.kill, which came with Linux 5.14. The groups get no
controllers: so limits and accounts stay with the group above, which may go on holding processes (cgroups(7), "no
internal processes"). A group is found again by its name, which holds its worker's mark. Where none can be made, nothing
is said and nothing fails: then processes are known by their own marks alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from plimsoll.host.cgroups.limits import read_table
from plimsoll.host.cgroups.stale import remove_stale
from plimsoll.host.cgroups.unified import freeze, kill, pids_in, remove_empty
from plimsoll.host.family.entrance import ROOT, home_of_groups, mark_in
from plimsoll.host.family.marks import Mark
from plimsoll.host.family.strays import is_tracker
from plimsoll.host.procfs import read_command_line

_CROWD = 200
"""More processes than that are a fork bomb, and are not looked at one by one."""


@dataclass(frozen=True, slots=True)
class WorkerGroup:
    mark: Mark
    folder: Path

    def pids(self) -> list[int]:
        """Those right in it; a script may have made groups below."""
        try:
            return pids_in(self.folder)
        except OSError:
            return []

    def end(self) -> bool:
        """Kills all that is in it; True when nothing is left, which takes the kernel a moment: ask again."""
        freeze(self.folder)
        self._let_trackers_go()
        kill(self.folder)
        # An empty group that may not be removed any more is nothing to wait for.
        is_empty = read_table(self.folder / "cgroup.events").get("populated") == 0
        return remove_empty(self.folder) or is_empty

    def _let_trackers_go(self) -> None:
        """multiprocessing's trackers still have to remove shared memory; they are marked, and do not live long."""
        pids = self.pids()
        for pid in pids if len(pids) <= _CROWD else ():
            if is_tracker(read_command_line(pid)):
                with contextlib.suppress(OSError):
                    (self.folder.parent / "cgroup.procs").write_text(str(pid))


def worker_groups(is_one: Callable[[Mark], bool], root: Path = ROOT) -> list[WorkerGroup]:
    """Of the workers with such marks, dead or alive, as far as there are any."""
    home = home_of_groups(root)
    folders = [] if home is None else home.glob("plimsoll-*")
    groups = ((mark, folder) for folder in folders if (mark := mark_in(folder.name)) is not None)
    return [WorkerGroup(mark, folder) for mark, folder in groups if is_one(mark)]


def sweep_groups(root: Path = ROOT) -> None:
    """Removes the empty ones that are left where master and guardian were killed together."""
    if (home := home_of_groups(root)) is not None:
        remove_stale(home)
