"""Control groups that a profiler left behind because it was killed: their names hold its pid.

The limited ones are empty, as their processes end with the profiler. In version 2 there may be one with processes
that were moved aside (see plimsoll.host.cgroups.unified): these go back, and so may we.
"""

from __future__ import annotations

import os
from pathlib import Path

from plimsoll.host.cgroups.names import GroupName
from plimsoll.host.cgroups.unified import is_aside, remove_empty, take_back


def remove_stale(folder: Path) -> None:
    """Those in this group; what has a living owner, or processes, stays."""
    for group in folder.glob("plimsoll-*"):
        if _is_stale(group):
            remove_empty(group)


def leave_stale(folder: Path) -> bool:
    """Whether this group is such a one, of version 2, and everybody in it, we too, has gone back one up."""
    if not is_aside(folder) or not _is_stale(folder):
        return False
    parent = folder.parent
    remove_stale(parent)
    try:
        controllers = (parent / "cgroup.subtree_control").read_text().split()
    except OSError:
        return False
    return take_back(parent, controllers, folder)


def _is_stale(group: Path) -> bool:
    name = GroupName.parse(group.name)
    return name is not None and not _lives(name.owner_pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
