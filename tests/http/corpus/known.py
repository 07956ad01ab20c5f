"""Cases that the server gets wrong today, by theme and by what it does. A case that has become right must leave."""

from __future__ import annotations

from collections.abc import Mapping

KNOWN: Mapping[str, Mapping[str, tuple[str, ...]]] = {}


def known(theme: str) -> frozenset[str]:
    return frozenset(name for names in KNOWN.get(theme, {}).values() for name in names)
