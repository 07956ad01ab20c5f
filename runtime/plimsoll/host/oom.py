"""Who goes first when memory runs out."""

from __future__ import annotations

import contextlib
from pathlib import Path

_ADJUSTMENT = Path("/proc/self/oom_score_adj")
_HIGHEST = 1000
_POINTS = 500
"""Thousandths of the memory, by which this process seems larger than it is. proc_pid_oom_score_adj(5)"""


def offer_to_die_first() -> None:
    """Has the kernel rather kill this process, and those that it starts, than the ones it was started by."""
    with contextlib.suppress(OSError):  # some sandboxes have no such file
        now = int(_ADJUSTMENT.read_text())
        _ADJUSTMENT.write_text(str(min(_HIGHEST, now + _POINTS)))
