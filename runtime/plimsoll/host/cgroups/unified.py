"""Version 2 has one tree, in which a group with children may hold no processes itself.

cgroups(7), "no internal processes". So controllers are handed to children of our own group only after everybody in
it has moved into a child, the one aside; at the end everybody moves back. The topmost group is exempt.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from plimsoll.host.cgroups.names import GroupName

_NEEDED = ("cpu", "memory")
_ASIDE = "rest"
# Who is moved may fork on the way.
_MOVE_TRIES = 10
_REMOVE_TRIES, _REMOVE_PAUSE_S = 40, 0.05


class LimitsUnavailable(Exception):
    """No control group can be made here; the message says why."""


@contextlib.contextmanager
def controllers_for_children(folder: Path) -> Iterator[None]:
    """For as long as the block lasts; raises LimitsUnavailable with everything as it was."""
    available = (folder / "cgroup.controllers").read_text().split()
    if absent := [name for name in _NEEDED if name not in available]:
        raise LimitsUnavailable(f"control group {folder} has no {' and '.join(absent)} controller")
    present = (folder / "cgroup.subtree_control").read_text().split()
    missing = [name for name in _NEEDED if name not in present]
    if not missing:
        yield
        return
    aside = folder / str(GroupName(os.getpid(), _ASIDE))
    try:
        _hand_over(folder, missing, aside)
        yield
    finally:
        take_back(folder, missing, aside)


def _hand_over(folder: Path, missing: list[str], aside: Path) -> None:
    if _switch(folder, "+", missing):
        return
    try:
        aside.mkdir(exist_ok=True)
        for _ in range(_MOVE_TRIES):
            _move_all(folder, aside)
            if _switch(folder, "+", missing):
                return
    except OSError as error:
        raise LimitsUnavailable(f"the processes in {folder} cannot be moved aside ({error.strerror})") from error
    raise LimitsUnavailable(f"there are always processes in {folder}, so that its children get no controllers")


def take_back(folder: Path, controllers: list[str], aside: Path) -> bool:
    """Undoes it; False where somebody else has handed the controllers on to children by now."""
    try:
        if not _switch(folder, "-", controllers):
            return False
        for _ in range(_MOVE_TRIES):
            if not aside.exists() or _move_all(aside, folder) == 0:
                break
    except (OSError, LimitsUnavailable):
        return False
    remove(aside)
    return not aside.exists()


def _switch(folder: Path, sign: str, controllers: list[str]) -> bool:
    """False where the kernel says that somebody is in the way."""
    try:
        (folder / "cgroup.subtree_control").write_text(" ".join(sign + name for name in controllers))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise LimitsUnavailable(f"controllers cannot be handed to children ({error.strerror})") from error
        return False
    return True


def _move_all(source: Path, target: Path) -> int:
    """How many there were. A process of another pid namespace is called 0, which would be ourselves."""
    pids = [pid for pid in pids_in(source) if pid != 0]
    for pid in pids:
        # A process may end on the way.
        with contextlib.suppress(ProcessLookupError):
            (target / "cgroup.procs").write_text(str(pid))
    return len(pids)


def pids_in(folder: Path) -> list[int]:
    """The processes right in this group."""
    return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]


def is_aside(folder: Path) -> bool:
    """Whether this is where everybody of the group above has been moved to."""
    name = GroupName.parse(folder.name)
    return name is not None and name.purpose == _ASIDE


def kill(folder: Path) -> bool:
    """Ends everybody in the group and in those below it, also who is being forked meanwhile, of any user.

    False where the kernel cannot: version 1, or Linux before 5.14.
    """
    return _switch_on(folder / "cgroup.kill")


def freeze(folder: Path) -> bool:
    """Lets nobody in the group run on; who is killed, or leaves it, is free. False before Linux 5.2."""
    return _switch_on(folder / "cgroup.freeze")


def _switch_on(path: Path) -> bool:
    try:
        # Never made where there is none, and not opened for reading: cgroup.kill cannot be read.
        file = os.open(path, os.O_WRONLY)
    except OSError:
        return False
    try:
        return os.write(file, b"1") == 1
    except OSError:
        return False
    finally:
        os.close(file)


def remove(folder: Path) -> None:
    """A folder can go when the last process in it is gone, which takes the kernel a moment."""
    for _ in range(_REMOVE_TRIES):
        if remove_empty(folder):
            return
        time.sleep(_REMOVE_PAUSE_S)


def remove_empty(folder: Path) -> bool:
    """With the groups below it, which a killed server may have left; True when it is gone."""
    try:
        for below, _, _ in os.walk(folder, topdown=False):
            Path(below).rmdir()
    except OSError:
        return False
    return not folder.exists()
