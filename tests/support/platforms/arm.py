"""Templates of Azure Resource Manager, with their expressions put in: the few that are written here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_EXPRESSION = re.compile(r"\[(string\()?(parameters|variables)\('(\w+)'\)\)?\]")
GIVEN = {"workspace": "research", "location": "westeurope"}
"""What the template cannot know."""


def resolved(template: Mapping[str, Any], tree: Any) -> Any:
    """Raises KeyError for what the template does not declare."""
    if isinstance(tree, dict):
        return {key: resolved(template, value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [resolved(template, one) for one in tree]
    found = _EXPRESSION.fullmatch(tree) if isinstance(tree, str) else None
    if found is None:
        return tree
    as_text, kind, name = found.groups()
    if kind == "variables":
        return template["variables"][name]
    declared = template["parameters"][name]
    value = GIVEN[name] if name in GIVEN else declared["defaultValue"]
    return str(value) if as_text else value
