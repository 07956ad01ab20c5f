"""Descriptors of the process that runs the tests."""

from __future__ import annotations

import gc
from pathlib import Path


def named_descriptors() -> set[tuple[str, str]]:
    """Number and target of each that is open once garbage is collected.

    A difference of two sets shows what was left open. A difference of two counts does not: what earlier tests have
    dropped may be closed in between, by a thread that is still ending.
    """
    gc.collect()
    named = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            named.add((entry.name, str(entry.readlink())))
        except FileNotFoundError:
            continue
    return named
