"""Distributions that own the same files: the one that is installed later silently overwrites the other."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

# The name that libraries ask for, and who else owns its folder.
_SAME_FILES = {
    "onnxruntime": (
        "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-qnn", "onnxruntime-training",
    ),
    "tensorflow": ("tensorflow-cpu", "tensorflow-gpu", "tensorflow-intel", "intel-tensorflow", "tf-nightly"),
}  # fmt: skip
_ALIAS = "plimsoll"
"""INSTALLER of an alias: a distribution without files, which says that another one is what it stands for."""


def families() -> Iterator[tuple[str, ...]]:
    """Distributions that own the same files; the most general name comes first."""
    for general, others in _SAME_FILES.items():
        yield general, *others


def holder(name: str) -> str | None:
    """The installed distribution whose files `name` would overwrite; None where there is none."""
    family = next((family for family in families() if name in family), ())
    return next((rival for rival in real(family) if rival != name), None)


def real(family: tuple[str, ...]) -> list[str]:
    """Those of a family that are installed with files of their own."""
    return [name for name in family if (found := find(name)) is not None and not is_alias(found)]


def is_alias(found: Distribution) -> bool:
    return (found.read_text("INSTALLER") or "").strip() == _ALIAS


def alias_files(name: str, behind: Distribution) -> dict[str, str]:
    """Content of the metadata folder of an alias, by file name."""
    metadata = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {behind.version}\n"
        f"Summary: Stands for {behind.name}, which is what is installed.\n"
        f"License: {behind.metadata['License'] or behind.metadata['License-Expression'] or 'see ' + behind.name}\n"
        f"Requires-Dist: {behind.name}=={behind.version}\n"
    )
    return {"METADATA": metadata, "INSTALLER": f"{_ALIAS}\n"}


def find(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None
