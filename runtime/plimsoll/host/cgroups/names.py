"""What our control groups are called: the name says whose one is, and so whether its owner still lives."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORM = re.compile(r"plimsoll-(\d+)-(\w+)")


@dataclass(frozen=True, slots=True)
class GroupName:
    """`owner_pid`: whose end makes the group useless."""

    owner_pid: int
    purpose: str

    def __str__(self) -> str:
        return f"plimsoll-{self.owner_pid}-{self.purpose}"

    @classmethod
    def parse(cls, name: str) -> GroupName | None:
        """None for a group of somebody else."""
        found = _FORM.fullmatch(name)
        return None if found is None else cls(int(found.group(1)), found.group(2))
