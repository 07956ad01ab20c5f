"""Is the processor (or GPU) of a node the one that was measured?

Clouds name several for one type, and hide the model from their guests (`AMD EPYC`, `Intel(R) Xeon(R) CPU @ 2.80GHz`):
then nobody can tell.
"""

from __future__ import annotations

import re
from typing import Literal

Likeness = Literal["same", "other", "unknown"]

_VENDORS = ("intel", "amd", "arm", "ampere", "neoverse")
# Clock and number of cores name no model.
_NO_MODEL = re.compile(r"@.*|\d+-core|\([^)]*\)", re.IGNORECASE)
_WORDS = re.compile(r"[\s,]+")
_GPU_WORDS = re.compile(r"[\s,/_-]+")


def likeness(measured: str | None, of_node: str | None) -> Likeness:
    """`other` only where it is certain: another maker, or model numbers of which none is the same."""
    if not measured or not of_node:
        return "unknown"
    vendors, models = _vendors(measured), _models(measured)
    if vendors and _vendors(of_node) and vendors != _vendors(of_node):
        return "other"
    possible = _models(of_node)
    if not models or not possible:
        return "unknown"
    if not models & possible:
        return "other"
    return "same" if len(possible) == 1 else "unknown"


def gpu_likeness(measured: str | None, of_node: str | None) -> Likeness:
    """By the model's word: `NVIDIA H100 80GB HBM3` and `NVIDIA H100 NVL 94GB` are both an H100."""
    if not measured or not of_node:
        return "unknown"
    return "same" if gpu_model(measured) == gpu_model(of_node) else "other"


def gpu_model(name: str) -> str:
    """`A100` of `NVIDIA A100-SXM4-40GB`: the first word with a letter and a digit, or else the whole name."""
    words = _GPU_WORDS.split(name.upper())
    return next((word for word in words if re.search(r"\d", word) and re.search(r"[A-Z]", word)), name.upper())


def _vendors(name: str) -> set[str]:
    return {vendor for vendor in _VENDORS if re.search(rf"\b{vendor}\b", name.lower())}


def _models(name: str) -> set[str]:
    return {word.upper() for word in _WORDS.split(_NO_MODEL.sub(" ", name)) if re.search(r"\d", word)}
