"""Everything below this process, by a single look at all processes."""

from __future__ import annotations

import os

from plimsoll.host import procfs


class Descendants:
    """Those that `pids` found when it was last asked; `includes` looks once more whether a pid is still theirs."""

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}

    def pids(self) -> list[int]:
        """Parents before their children. What has ended is not among them."""
        children: dict[int, list[int]] = {}
        for pid in procfs.pids():
            stat = procfs.read_stat(pid)
            if stat is not None and stat.alive:
                children.setdefault(stat.parent_pid, []).append(pid)
        self._parents = {}
        found = [os.getpid()]
        for parent in found:  # grows while it is gone through
            for child in children.get(parent, ()):
                self._parents[child] = parent
                found.append(child)
        return found[1:]

    def includes(self, pid: int) -> bool:
        """An orphan has come up to this process since."""
        stat = procfs.read_stat(pid)
        return stat is not None and pid in self._parents and stat.parent_pid in (self._parents[pid], os.getpid())
