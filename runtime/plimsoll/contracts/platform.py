"""Which contracts are on, and what the platforms that speak them set: port, address, model folder.

A platform's settings count where nobody has set them otherwise: after flags, variables and files, before the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from plimsoll.contracts.names import AUTO, DEFAULT, parse, part

SERVE = "serve"
"""The word that Amazon SageMaker starts every container with."""
_SIGN = "AIP_"
"""What all variables of Vertex AI begin with."""


class Said(NamedTuple):
    """A value of a setting, and what said it."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Start:
    """How the command was started. `serves`: with the word of SageMaker."""

    environment: Mapping[str, str]
    serves: bool = False


def chosen(setting: str, start: Start) -> Said:
    """The contracts as the setting says; where it says `auto`, of the platform that started this, or Azure ML's."""
    if setting.strip().lower() != AUTO:
        return Said(",".join(parse(setting)), "")
    if start.serves:
        return Said("sagemaker", f"the word {SERVE!r}")
    if sign := next((name for name in sorted(start.environment) if name.startswith(_SIGN)), None):
        return Said("vertex", f"environment {sign}")
    return Said(DEFAULT, "")


def defaults(contracts: str, start: Start) -> dict[str, Said]:
    """Settings by name that the contracts' platforms bring; of two contracts the first one's count."""
    found: dict[str, Said] = {}
    for name in parse(contracts):
        if name != DEFAULT:
            found = part(name, "platform").defaults(start.environment) | found
    return found
