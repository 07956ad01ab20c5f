"""How many threads one worker's model may compute with."""

from __future__ import annotations

import os
from collections.abc import Mapping

from plimsoll.errors import EntryError


def cpu_threads(environment: Mapping[str, str] | None = None) -> int:
    """What the server worked out for its workers, else what the user set for OpenMP, else the usable CPUs."""
    given = os.environ if environment is None else environment
    ours = given.get("PLIMSOLL_CPU_THREADS", "")
    if ours:
        return _whole("PLIMSOLL_CPU_THREADS", ours)
    # OpenMP allows a list, one number per nesting level.
    outermost = given.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(outermost) if outermost.isdecimal() and int(outermost) else len(os.sched_getaffinity(0))


def checked(threads: int | None) -> int:
    """An argument of a load(): None stands for the environment's number."""
    if threads is None:
        return cpu_threads()
    if threads < 1:
        raise EntryError(f"threads must be 1 or more, not {threads}")
    return threads


def _whole(name: str, text: str) -> int:
    if not text.strip().isdecimal() or not int(text):
        raise EntryError(f"{name} must be a whole number, 1 or more, not {text!r}")
    return int(text)
