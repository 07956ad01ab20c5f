"""Whether a platform can call what was profiled."""

from __future__ import annotations

from plimsoll.deploy.manifest.values import Values
from plimsoll.errors import UsageError


def check_contract(format_name: str, values: Values, called: frozenset[str]) -> None:
    """`called`: contracts of which the platform calls the routes. Raises UsageError where none of them was profiled."""
    profiled = values.profile.settings.contract
    if not called & set(profiled.split(",")):
        raise UsageError(
            f"--format {format_name}: the profile is of --contract {profiled}, whose routes are not called there",
            remedy=f"profile with --contract {' or '.join(sorted(called))}",
        )
