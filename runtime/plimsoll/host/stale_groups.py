"""Control groups that a profiler left behind because it was killed: their names hold its pid.

The limited ones are empty, as their processes end with the profiler. In version 2 there may be one with processes
that were moved aside (see plimsoll.host.unified): these go back, and so may we.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from plimsoll.host.unified import take_back

_NAME = re.compile(r"plimsoll-(\d+)-(\w+)")


def remove_stale(folder: Path) -> None:
    """Those in this group; what has a living owner, or processes, stays."""
    for group in folder.glob("plimsoll-*"):
        if _is_stale(group):
            with contextlib.suppress(OSError):
                group.rmdir()


def leave_stale(folder: Path) -> bool:
    """Whether this group is such a one, of version 2, and everybody in it, we too, has gone back one up."""
    found = _NAME.fullmatch(folder.name)
    if found is None or found.group(2) != "rest" or not _is_stale(folder):
        return False
    parent = folder.parent
    remove_stale(parent)
    try:
        controllers = (parent / "cgroup.subtree_control").read_text().split()
    except OSError:
        return False
    return take_back(parent, controllers, folder)


def _is_stale(group: Path) -> bool:
    found = _NAME.fullmatch(group.name)
    return found is not None and not _lives(int(found.group(1)))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
