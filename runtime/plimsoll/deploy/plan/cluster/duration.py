"""Lengths of time on a command line: `90`, `90s`, `15m`, `24h`, `7d`."""

from __future__ import annotations

import re

_FORM = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)?")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float | None:
    """Seconds; None for what is no length of time. A bare number is in seconds."""
    match = _FORM.fullmatch(text.strip())
    return float(match[1]) * _UNIT_S[match[2] or "s"] if match else None


def spoken(seconds: float) -> str:
    """`45 s`, `15 min`, `24 h`, `7 days`: in the greatest unit of which there are two or more, or one exactly."""
    for unit_s, name in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * unit_s or seconds == unit_s:
            count = round(seconds / unit_s, 1)
            return f"{count:g} {'day' if name == 'days' and count == 1 else name}"
    return f"{seconds:g} s"
