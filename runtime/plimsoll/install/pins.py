"""The versions that an image serves with, as plimsoll.install.seal has written them down."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

CONSTRAINTS = Path("/opt/plimsoll/constraints.txt")
_PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s#]+)(\s+#\s*(?P<reason>\S+))?")
_SERVER = "plimsoll-runtime"


@dataclass(frozen=True, slots=True)
class Pin:
    """`reason`: the distribution for whose sake the version is fixed."""

    version: str
    reason: str

    @property
    def remedy(self) -> str:
        if self.reason == _SERVER:
            return "the server needs it: allow this version, or remove the line"
        return f"{self.reason} needs it: allow this version, or build on plimsoll:slim, which has no framework"


def read_pins(path: Path | None) -> dict[str, Pin]:
    """The constraints of the image, by canonical name; empty outside of one."""
    text = path.read_text(encoding="utf-8") if path is not None and path.is_file() else ""
    found = filter(None, map(_PIN.match, text.splitlines()))
    return {canonicalize_name(pin["name"]): Pin(pin["version"], pin["reason"] or _SERVER) for pin in found}
