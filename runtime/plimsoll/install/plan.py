"""Sorts a user's requirements before anything is downloaded: what goes to pip, what is skipped, what cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from plimsoll.install.conda import Note
from plimsoll.install.lines import Line
from plimsoll.install.pins import Pin
from plimsoll.install.rivals import find, holder
from plimsoll.install.substitutes import SERVED_BY_US, SLIMMER

_GPU = re.compile(r".*-gpu$")


@dataclass(slots=True)
class InstallPlan:
    """`lines` are for pip; `conflicts` are sentences, each with its remedy. `notes` are of what is left out."""

    lines: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def make_plan(items: Iterable[Line | Note], pins: Mapping[str, Pin]) -> InstallPlan:
    plan = InstallPlan()
    companions: list[str] = []
    for item in items:
        if isinstance(item, Note):
            plan.notes.append(str(item))
        elif item.requirement is None:
            plan.lines.append(item.text)
        elif item.requirement.marker is None or item.requirement.marker.evaluate():
            companions += _place(plan, item, item.requirement, pins)
    plan.lines += [name for name in dict.fromkeys(companions) if find(name) is None]
    return plan


def _place(plan: InstallPlan, line: Line, requirement: Requirement, pins: Mapping[str, Pin]) -> list[str]:
    """Puts one requirement where it belongs; answers what has to be installed in its place."""
    name = canonicalize_name(requirement.name)
    rival = holder(name)
    if name in SERVED_BY_US:
        companion = SERVED_BY_US[name]
        instead = f"; {companion}, which came with it, is installed" if companion else ""
        plan.notes.append(f"{line.asked} ({line.place}): skipped, Plimsoll serves in its place{instead}")
        return [companion] if companion else []
    if name in SLIMMER:
        return _slimmer(plan, line, requirement, *SLIMMER[name])
    if rival is not None:
        _beside(plan, line, requirement, rival)
    elif name in pins and not requirement.specifier.contains(pins[name].version, prereleases=True):
        pin = pins[name]
        plan.conflicts.append(f"{line.asked} ({line.place}): the image serves with {name} {pin.version} ({pin.remedy})")
    else:
        plan.lines.append(line.text)
    return []


def _slimmer(plan: InstallPlan, line: Line, requirement: Requirement, instead: str, *companions: str) -> list[str]:
    wanted = Requirement(f"{instead}{requirement.specifier}")
    wanted.extras = requirement.extras
    plan.lines.append(str(wanted))
    names = " and ".join((instead, *companions))
    plan.replaced.append(f"{line.asked} ({line.place}): {names} are installed, the same without a server of its own")
    return list(companions)


def _beside(plan: InstallPlan, line: Line, requirement: Requirement, rival: str) -> None:
    found = find(rival)
    assert found is not None
    if _GPU.match(requirement.name) and not _runs_on_gpu(rival):
        plan.conflicts.append(
            f"{line.asked} ({line.place}): the image serves with {rival} {found.version}, and both own the same files"
            " (build on plimsoll:gpu)"
        )
    elif requirement.specifier.contains(found.version, prereleases=True):
        plan.notes.append(f"{line.asked} ({line.place}): skipped, the image provides it with {rival} {found.version}")
    else:
        plan.conflicts.append(
            f"{line.asked} ({line.place}): the image serves with {rival} {found.version}, and both own the same files"
            " (let the line allow this version, or build on plimsoll:slim, which has no framework)"
        )


def _runs_on_gpu(rival: str) -> bool:
    return rival in ("tensorflow", "tf-nightly") or bool(_GPU.match(rival))
