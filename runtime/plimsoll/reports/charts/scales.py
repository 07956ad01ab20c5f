"""Scales: from a value to its place in the drawing, and where its ticks stand."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Tick = tuple[float, str]
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """`place` maps a value to 0..1 between the two ends of the axis."""

    place: Callable[[float], float]
    ticks: tuple[Tick, ...]


def linear(greatest: float, wanted: int = 4) -> Scale:
    """From 0 to the first round number that is not below `greatest`."""
    step = _round_step(max(greatest, 1e-9) / wanted)
    count = max(1, math.ceil(greatest / step - 1e-9))
    top = step * count
    return Scale(lambda value: value / top, tuple((step * n, tick_label(step * n)) for n in range(count + 1)))


def span(greatest: float, wanted: int = 6) -> Scale:
    """From 0 to exactly `greatest`: for time, where an empty end would look like a pause."""
    top = max(greatest, 1e-9)
    step = _round_step(top / wanted)
    count = math.floor(top / step + 1e-9)
    return Scale(lambda value: value / top, tuple((step * n, tick_label(step * n)) for n in range(count + 1)))


def logarithmic(least: float, greatest: float) -> Scale:
    """Ticks at 1, 2, 5 of each power of ten, or at the powers alone where there are many."""
    low, high = math.log10(least), math.log10(max(greatest, least * 1.5))
    margin = (high - low) * 0.03
    low, high = low - margin, high + margin
    digits = (1, 2, 5) if high - low < 2.6 else (1,)
    powers = range(math.floor(low), math.ceil(high) + 1)
    values = [digit * 10.0**power for power in powers for digit in digits]
    inside = [value for value in values if low <= math.log10(value) <= high]
    return Scale(
        lambda value: (math.log10(max(value, 1e-12)) - low) / (high - low),
        tuple((value, tick_label(value)) for value in inside),
    )


def fitting(least: float, greatest: float) -> Scale:
    """Linear, or logarithmic where the values are far apart."""
    return logarithmic(least, greatest) if least > 0 and greatest > 12 * least else linear(greatest)


def steps(values: Sequence[float], margin: float = 0.04) -> Scale:
    """The values side by side at equal distances, however far apart they are."""
    places = {value: place for place, value in enumerate(values)}
    gaps = max(1, len(values) - 1)

    def place(value: float) -> float:
        at = places[value] / gaps if len(values) > 1 else 0.5
        return margin + (1 - 2 * margin) * at

    return Scale(place, tuple((value, tick_label(value)) for value in values))


def tail(count: int) -> Scale:
    """Shares 0..1 with each further nine as wide as the first: where the slow requests are is where room is."""
    most = math.log10(max(count, 10))
    shares = [0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999]
    inside = [share for share in shares if -math.log10(1 - share) <= most + 1e-9]
    return Scale(
        lambda share: min(most, -math.log10(max(1 - share, 1 / max(count, 10)))) / most,
        tuple((share, f"{share * 100:g} %") for share in inside),
    )


def tick_label(value: float) -> str:
    """`0.25`, `40`, `12,500`."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{round(value, 6):g}"


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))
