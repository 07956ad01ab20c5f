"""No platform of its own: KServe gives port and model folder as arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def defaults(environment: Mapping[str, str]) -> dict[str, Any]:
    return {}
