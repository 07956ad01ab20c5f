"""Programs that are started held to some CPUs and inside control groups, and that end with whoever started them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from plimsoll.host.parent import tie_to_parent

# What a process writes into `cgroup.procs` to move itself.
_MYSELF = b"0"


def start_child(
    command: Sequence[str],
    ending: signal.Signals,
    cpus: Sequence[int] | None = None,
    doors: Iterable[Path] = (),
    **how: Any,
) -> subprocess.Popen[bytes]:
    """The program gets the signal `ending` when this process ends, however that comes about.

    It is on these CPUs and in the groups of these `cgroup.procs` before it is another program, so that nothing of it
    runs elsewhere. `how` is as for subprocess.Popen.
    """
    tie = tie_to_parent(ending)
    with contextlib.ExitStack() as opened:
        groups: list[int] = []
        for door in doors:
            groups.append(os.open(door, os.O_WRONLY))
            opened.callback(os.close, groups[-1])

        def prepare() -> None:
            tie()
            if cpus:
                os.sched_setaffinity(0, cpus)
            for group in groups:
                os.write(group, _MYSELF)

        child: subprocess.Popen[bytes] = subprocess.Popen(command, preexec_fn=prepare, **how)
        return child


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM becomes SystemExit, so that every `with` on the way out ends its child."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
