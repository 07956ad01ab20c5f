"""Quantities of Kubernetes as numbers: `250m`, `1.5`, `256Mi`."""

from __future__ import annotations

import re
from decimal import Decimal

_QUANTITY = re.compile(r"([+-]?\d+(?:\.\d*)?)(m|[kMGTPE]|[KMGTPE]i)?")
_BINARY, _DECIMAL = "KMGTPE", "kMGTPE"


def amount(quantity: object) -> Decimal | None:
    """None for what is no quantity."""
    found = _QUANTITY.fullmatch(str(quantity))
    if found is None:
        return None
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix == "m":
        return number / 1000
    if suffix.endswith("i"):
        return number * Decimal(1024) ** (_BINARY.index(suffix[0]) + 1)
    return number * Decimal(1000) ** (_DECIMAL.index(suffix) + 1) if suffix else number
