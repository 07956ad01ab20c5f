"""File descriptors: how many this process may have open, and how many it has.

An ordinary shell gives 1,024 (the soft limit) and allows far more (the hard one). Whoever holds many connections
raises the first to the second and counts what that leaves; what it starts gets the limit that was found, since a
program that calls select(2) must not be given descriptors above 1,023.
"""

from __future__ import annotations

import resource
from pathlib import Path

_MOST = 1 << 20
"""Never raised above this: where the hard limit is "unlimited", some programs touch every number up to it."""


def descriptor_limit(pid: int = 0) -> int:
    """How many descriptors the process may have open: its soft limit. 0 is this process."""
    soft, _ = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else soft


def raise_descriptor_limit() -> int:
    """Raises the soft limit to the hard one, which needs no rights; returns the soft limit that was found."""
    found = descriptor_limit()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if most > found:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return found


def restore_descriptor_limit(found: int) -> None:
    """Sets the soft limit back to what `raise_descriptor_limit` found."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (found, hard))


def open_descriptors() -> int:
    """How many this process has open now."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # less the one that lists them
