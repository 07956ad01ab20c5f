"""The form of a warning that is given before there is a log: like an error, but the start goes on."""

from __future__ import annotations

import sys


def warn(text: str) -> None:
    sys.stderr.write(f"plimsoll: warning: {text}\n")
    sys.stderr.flush()
