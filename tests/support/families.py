"""Processes that a script starts, by exact pid and start time: who is alive, and who was forgotten."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from support.living import living
from support.server import wait_for


def wait_all_ended(processes: Iterable[psutil.Process], what: str) -> None:
    """Exactly these, not others that have got their pids."""
    known = list(processes)
    wait_for(lambda: not living(known), f"end of {what}")
