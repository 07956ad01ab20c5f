"""Numbers as people read them."""

from __future__ import annotations

UNKNOWN = "–"  # noqa: RUF001


def milliseconds(seconds: float | None) -> str:
    """`10.4`, `0.38`, `1250`: three digits are as many as a measurement has."""
    return UNKNOWN if seconds is None else number(seconds * 1000)


def megabytes(size_bytes: float | None) -> str:
    """Decimal MB."""
    return UNKNOWN if size_bytes is None else f"{size_bytes / 1e6:.0f}"


def number(value: float | None) -> str:
    """Three significant digits, never in powers of ten."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
