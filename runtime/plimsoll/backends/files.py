"""Finds the one model in a folder."""

from __future__ import annotations

from pathlib import Path

from plimsoll.errors import EntryError


def single(path: str | Path, pattern: str) -> Path:
    """`path` itself if it is a file, else the one file below it that fits the pattern."""
    place = Path(path)
    if place.is_file():
        return place
    found = sorted(place.rglob(pattern)) if place.is_dir() else []
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(str(one.relative_to(place)) for one in found[:5])
        raise EntryError(f"{place}: expected one {pattern}, found {len(found)}: {names}")
    raise EntryError(f"{place}: {f'no {pattern} in it' if place.is_dir() else 'no such file or folder'}")
