"""How a worker gets into a control group of its own, and what that is called. See plimsoll.host.family.groups.

Apart from there, as every worker has this in its memory.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from plimsoll.host.cgroups.limits import find_unified
from plimsoll.host.cgroups.names import GroupName
from plimsoll.host.cgroups.unified import is_aside, pids_in
from plimsoll.host.family.marks import Mark

ROOT = Path("/")
_PURPOSE = re.compile(r"w([0-9a-f]+)_(\d+)_(\d+)")
"""Server, front and worker, as its mark has them."""


def enter_group(mark: Mark, front_pid: int, root: Path = ROOT) -> bool:
    """Moves this process, a worker, into a group of its own; False where it stays where it was.

    The worker does that: the kernel may take some 20 ms for it, which the front has not.
    """
    home = home_of_groups(root)
    if home is None:
        return False
    folder = home / str(GroupName(front_pid, f"w{mark.server:x}_{mark.front}_{mark.worker}"))
    with contextlib.suppress(OSError):
        folder.mkdir()
        if (folder / "cgroup.kill").exists():
            (folder / "cgroup.procs").write_text("0")
            return True
    with contextlib.suppress(OSError):
        folder.rmdir()
    return False


def home_of_groups(root: Path = ROOT) -> Path | None:
    """The group that this process is in, read anew each time: a profiler beside us may have moved everybody aside."""
    folder = find_unified(root)
    try:
        # Where /sys/fs/cgroup is not what /proc/self/cgroup speaks of, we would leave our container's limits.
        if folder is None or os.getpid() not in pids_in(folder):
            return None
    except OSError:
        return None
    return folder.parent if is_aside(folder) else folder


def mark_in(name: str) -> Mark | None:
    """None for the name of another group."""
    known = GroupName.parse(name)
    found = _PURPOSE.fullmatch(known.purpose) if known else None
    return Mark(int(found[1], 16), int(found[2]), int(found[3])) if found else None


def pattern_of(server: Mark) -> str:
    """Matches the names of the groups of all workers of this server."""
    return f"plimsoll-*-w{server.server:x}_*"
