"""Quantities as people write them: `200ms`, `4GB`, `512Mi`, `99.9%`."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum

from plimsoll.errors import UsageError

_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([A-Za-z/%]*)")


class Dimension(StrEnum):
    """What a number counts."""

    TIME = "time"
    MEMORY = "memory"
    SHARE = "share"
    CORES = "cores"
    RATE = "requests per second"
    COUNT = "count"


# In seconds, bytes, shares of 1, cores, requests per second.
_UNITS: dict[Dimension, dict[str, float]] = {
    Dimension.TIME: {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0},
    Dimension.MEMORY: {
        "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "M": 1e6, "G": 1e9,
        "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30,
    },
    Dimension.SHARE: {"%": 0.01, "": 1.0},
    Dimension.CORES: {"": 1.0, "m": 1e-3, "core": 1.0, "cores": 1.0},
    Dimension.RATE: {"": 1.0, "/s": 1.0, "rps": 1.0},
    Dimension.COUNT: {"": 1.0},
}  # fmt: skip


def parse_quantity(text: str, dimension: Dimension) -> float:
    """In the base unit of the dimension; raises UsageError that names the units there are."""
    found, units = _QUANTITY.fullmatch(text.strip()), _UNITS[dimension]
    unit = _unit(found.group(2), units) if found else None
    if found is None or unit is None:
        known = ", ".join(name or "none" for name in units)
        raise UsageError(f"{text.strip()!r} is not a quantity of {dimension}", remedy=f"units: {known}")
    # 99.9 * 0.01 is a little more than 0.999 in binary, and a rate of 0.999 would not hold it.
    return float(Decimal(found.group(1)) * Decimal(str(units[unit])))


def _unit(name: str, units: dict[str, float]) -> str | None:
    """Case decides only where it must: `mb` is MB, but `M` and `m` differ."""
    if name in units:
        return name
    return next((unit for unit in units if len(unit) > 1 and unit.lower() == name.lower()), None)


def show_quantity(value: float, dimension: Dimension) -> str:
    """In the unit that suits its size."""
    if dimension is Dimension.TIME:
        return f"{value * 1000:.4g} ms" if value < 10 else f"{value:.4g} s"
    if dimension is Dimension.MEMORY:
        return f"{value / 1e6:.0f} MB" if value < 1e9 else f"{value / 1e9:.2f} GB"
    if dimension is Dimension.SHARE:
        return f"{value * 100:.6g} %"
    unit = {Dimension.CORES: " cores", Dimension.RATE: " requests/s"}.get(dimension, "")
    return f"{value:.4g}{unit}"
