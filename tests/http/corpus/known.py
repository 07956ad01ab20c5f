"""Cases that the server gets wrong today, by theme and by what it does. A case that has become right must leave."""

from __future__ import annotations

from collections.abc import Mapping

NOTHING_HIDDEN = "nothing that is hidden runs"
"""Judged once for each theme, by the log of the server: an answer may have been lost where a request was run."""
KNOWN: Mapping[str, Mapping[str, tuple[str, ...]]] = {}


def known(theme: str) -> frozenset[str]:
    return frozenset(name for names in KNOWN.get(theme, {}).values() for name in names)
