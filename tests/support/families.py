"""Processes that a script starts, by exact pid and start time: who is alive, and who was forgotten."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from support.server import wait_for


def living(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that still run: one that has ended and is not waited for yet does not."""
    return [process for process in processes if _lives(process)]


def wait_all_ended(processes: Iterable[psutil.Process], what: str) -> None:
    """Exactly these, not others that have got their pids."""
    known = list(processes)
    wait_for(lambda: not living(known), f"end of {what}", patience_s=20)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
