"""What the server has told its workers about the GPU, by variables of their environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from plimsoll.errors import EntryError

MODE = "PLIMSOLL_GPU"
SHARE = "PLIMSOLL_GPU_MEMORY_BYTES"


def must_use_gpu() -> bool:
    """Falling back to the CPU is an error."""
    return os.environ.get(MODE) == "required"


def must_not_use_gpu() -> bool:
    return os.environ.get(MODE) == "off"


def memory_share_bytes(environment: Mapping[str, str] | None = None) -> int | None:
    """The GPU memory that this worker's model may take; None where it has the GPU for itself."""
    text = (os.environ if environment is None else environment).get(SHARE, "").strip()
    if not text:
        return None
    if not text.isdecimal() or not int(text):
        raise EntryError(f"{SHARE} must be a whole number of bytes, 1 or more, not {text!r}")
    return int(text)
