"""Contracts by name; what worker and front know of one is imported when it is on.

Workers import this module, so it imports nothing heavy itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from plimsoll.errors import UsageError

if TYPE_CHECKING:
    from plimsoll.entry.codec import MakeCodec, Opened

DEFAULT = "azureml"
AUTO = "auto"
KNOWN = (DEFAULT, "sagemaker", "vertex", "v2", "mlflow")


def parse(text: str) -> tuple[str, ...]:
    """Names of contracts, each once, as they are written in a setting. Raises UsageError."""
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",") if name.strip()))
    if unknown := [name for name in names if name not in KNOWN]:
        allowed = ", ".join((*KNOWN, AUTO))
        raise UsageError(f"--contract {text}: {unknown[0]!r} is not a contract", remedy=f"name some of {allowed}")
    return names or (DEFAULT,)


def part(name: str, what: str) -> Any:
    """A module of the contract's package."""
    return import_module(f"plimsoll.contracts.{name}.{what}")


def codecs(names: Sequence[str]) -> dict[str, MakeCodec]:
    """None for Azure ML's: scripts are written for it."""
    return {name: part(name, "codec").make_codec for name in names if name != DEFAULT}


def openers(names: Sequence[str]) -> list[Opened]:
    """Of contracts that have scripts of a form of their own."""
    found = [getattr(part(name, "codec"), "functions_of", None) for name in names if name != DEFAULT]
    return [opener for opener in found if opener is not None]
