"""Whether workers can have control groups of their own here, what there is of them, and a place where they cannot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plimsoll.host.cgroups.limits import find_unified
from support.server import wait_for


def place() -> Path | None:
    """The group of version 2 that we are in, if groups can be made and killed in it."""
    folder = find_unified()
    if folder is None or not os.access(folder / "cgroup.procs", os.W_OK):
        return None
    probe = folder / f"test-{os.getpid()}-probe"
    try:
        probe.mkdir()
    except OSError:
        return None
    can_be_killed = (probe / "cgroup.kill").exists()
    probe.rmdir()
    return folder if can_be_killed else None


def of_front(front_pid: int) -> list[Path]:
    """Those of its workers; none where there can be none."""
    folder = find_unified()
    return [] if folder is None else list(folder.glob(f"plimsoll-{front_pid}-w*"))


@contextmanager
def without() -> Iterator[str]:
    """A shell command that enters a group in which no other can be made; none is needed where that is so anyway."""
    folder = place()
    if folder is None:
        yield ""
        return
    barren = folder / f"test-{os.getpid()}-barren"
    barren.mkdir()
    (barren / "cgroup.max.descendants").write_text("0")
    try:
        yield f"echo $$ > {barren}/cgroup.procs;"
    finally:
        (barren / "cgroup.kill").write_text("1")
        _remove(barren)


def _remove(folder: Path) -> None:
    def is_gone() -> bool:
        try:
            folder.rmdir()
        except OSError:
            return False
        return True

    wait_for(is_gone, f"the end of all in {folder}")
