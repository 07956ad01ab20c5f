"""Requests and limits as Kubernetes writes them: `500m`, `0.5`, `1Gi`, `200M`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from plimsoll.deployment_file.found import WHOLE_GPUS, Resources
from plimsoll.deployment_file.section import Section

_GPUS = ("gpu", WHOLE_GPUS)
_SLICES = "nvidia.com/mig-"
_QUANTITY = re.compile(r"\+?(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+)|([num]|k|[MGTPE]|[KMGTPE]i)?)")
_FACTORS: Mapping[str, float] = {"n": 1e-9, "u": 1e-6, "m": 0.001, "k": 1e3} | {
    prefix + end: base**power
    for power, prefix in enumerate("KMGTPE", 1)
    for end, base in (("", 1000.0), ("i", 1024.0))
    if prefix + end != "K"
}


def read_resources(section: Section, key: str) -> Resources:
    """As Azure's package reads them: every quantity is text, and no other resource is known."""
    found = section.section(key)
    if found is None:
        return Resources()
    requests, limits = found.section("requests"), found.section("limits")
    for side in filter(None, (requests, limits)):
        for name in ("cpu", "memory", *_GPUS):
            side.text(name)
        side.close()
    found.close()
    return _read(requests, limits)


def read_any_resources(section: Section, key: str) -> Resources:
    """As Kubernetes reads them: quantities may be numbers, and resources have any name."""
    found = section.section(key)
    if found is None:
        return Resources()
    requests, limits = found.section("requests"), found.section("limits")
    found.any("claims")
    found.close()
    return _read(requests, limits)


def _read(requests: Section | None, limits: Section | None) -> Resources:
    return Resources(
        request_cores=_quantity(requests, "cpu"),
        request_bytes=_quantity(requests, "memory"),
        limit_cores=_quantity(limits, "cpu"),
        limit_bytes=_quantity(limits, "memory"),
        gpus=_gpus(requests) | _gpus(limits),
    )


def _gpus(section: Section | None) -> dict[str, float]:
    names = section.names() if section else []
    counts = {
        WHOLE_GPUS if name in _GPUS else name: _quantity(section, name)
        for name in names
        if name in _GPUS or name.startswith(_SLICES)
    }
    return {name: count for name, count in counts.items() if count is not None}


def _quantity(section: Section | None, key: str) -> float | None:
    text = section.scalar(key) if section else None
    if section is None or text is None:
        return None
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise section.error(key, f"{text!r} is not a quantity", "as in 0.5, 500m or 1Gi")
    return float(f"{found[1]}e{found[2]}") if found[2] else float(found[1]) * _FACTORS.get(found[3] or "", 1.0)
