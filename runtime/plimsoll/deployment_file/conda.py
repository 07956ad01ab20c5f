"""What `plimsoll-install` would do with the conda environment of a deployment, which serving does not install."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import yaml

from plimsoll.deployment_file.paths import local_path
from plimsoll.deployment_file.section import Section
from plimsoll.errors import StartError
from plimsoll.install.conda import Note, in_environment, read_environment
from plimsoll.install.lines import Line
from plimsoll.install.pins import CONSTRAINTS, read_pins
from plimsoll.install.plan import InstallPlan, make_plan

_MOST_NAMED = 5


def conda_note(section: Section, key: str) -> str:
    """A line for the user. Raises UsageError for a file that is not there."""
    node, place = section.node(key), section.place(key)
    if isinstance(node, yaml.MappingNode):
        done = _done_with(lambda: in_environment(section.file, node))
        return f"{place} is not installed here; in a file of its own, plimsoll-install {done}"
    path = local_path(section, key, section.text(key) or "", "remove the key")
    return f"{place} is not installed here; plimsoll-install {path} {_done_with(lambda: read_environment(path))}"


def _done_with(read: Callable[[], Iterable[Line | Note]]) -> str:
    """What it would refuse may show when the file is opened, or line by line."""
    try:
        plan = make_plan(read(), read_pins(CONSTRAINTS))
    except StartError as error:
        return f"would refuse it: {error}"
    if plan.conflicts:
        return f"would refuse it: {plan.conflicts[0]}"
    return f"would install {_listed(plan)}"


def _listed(plan: InstallPlan) -> str:
    """The first few by name, the rest by number."""
    shown, more = plan.lines[:_MOST_NAMED], len(plan.lines) - _MOST_NAMED
    rest = f" and {more} more" if more > 0 else ""
    left_out = f", and leave out {len(plan.notes)}" if plan.notes else ""
    return f"{', '.join(shown) or 'nothing'}{rest}{left_out}"
