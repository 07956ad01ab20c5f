"""What `--collect` and its companions say together."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.errors import UsageError

if TYPE_CHECKING:
    from plimsoll.settings.serving import ServeSettings

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Collecting:
    """`names` are the collections that are recorded, None for all."""

    folder: str
    endpoint: str
    deployment: str
    names: frozenset[str] | None
    sampling_rate: float
    file_bytes: int
    buffer_bytes: int

    @property
    def source(self) -> str:
        """As Azure ML ends it: there it begins with subscription and workspace."""
        return f"/onlineEndpoints/{self.endpoint}/deployments/{self.deployment}"

    def takes(self, name: str) -> bool:
        return self.names is None or name.lower() in self.names


def collecting_of(settings: ServeSettings) -> Collecting | None:
    """None where nothing is collected. Raises UsageError."""
    if settings.collect is None:
        return None
    if os.path.isfile(settings.collect):  # noqa: PTH113 (Path's raises where a folder above is closed to us)
        raise UsageError(f"--collect {settings.collect}: is a file", remedy="name a folder; it is made if need be")
    endpoint, _, deployment = (settings.collect_as or settings.service_name).partition("/")
    names = settings.collections
    return Collecting(
        folder=settings.collect,
        endpoint=_folder(endpoint),
        deployment=_folder(deployment or "default"),
        names=None if names is None else frozenset(name.strip().lower() for name in names.split(",")),
        sampling_rate=settings.collect_sampling_rate,
        file_bytes=settings.collect_file_bytes,
        buffer_bytes=settings.collect_buffer_bytes,
    )


def _folder(name: str) -> str:
    """A name as that of a folder: blanks and the like become a hyphen."""
    found = _UNSAFE.sub("-", name.strip()).strip(".")
    if not found:
        raise UsageError(f"--collect-as: {name!r} is no name for a folder", remedy="as in churn/blue")
    return found
