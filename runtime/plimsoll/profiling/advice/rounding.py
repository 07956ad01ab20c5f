"""Sizes that a person would write into a manifest: always rounded up."""

from __future__ import annotations

import math

MEBIBYTE = 1 << 20
GIBIBYTE = 1 << 30
SMALLEST_CPU_CORES = 0.1
_CPU_STEPS_CORES = ((0.5, 0.05), (1.0, 0.1), (2.0, 0.25), (4.0, 0.5))
_INDIFFERENCE = 0.05
_HAIR = 1e-6
_MEMORY_STEPS_BYTES = ((2 * GIBIBYTE, 64 * MEBIBYTE), (16 * GIBIBYTE, 256 * MEBIBYTE))


def round_up_cores(cores: float) -> float:
    """Steps of 0.05 below half a core, 0.1 below one, 0.25 below two, 0.5 below four, else whole; at least 0.1."""
    cores = max(cores, SMALLEST_CPU_CORES)
    step = next((step for below, step in _CPU_STEPS_CORES if cores < below), 1.0)
    return round(_steps(cores, step) * step, 2)


def round_cores(need_cores: float, upper_cores: float) -> float:
    """The step for `need_cores`, the best estimate; one more only where `upper_cores`, its bound, is above the next.

    Noise must not decide. A model on one thread at full load keeps just about one core busy: 0.99 in one run, 1.02 in
    the next. So a step is left only when it is passed by more than 5 %, which no measurement can tell from nothing
    and which utilisation, always lower than that, leaves free.
    """
    step = round_up_cores(need_cores / (1 + _INDIFFERENCE))
    above = next_cores(step)
    return above if upper_cores / (1 + _INDIFFERENCE) > above else step


def next_cores(cores: float) -> float:
    return round_up_cores(cores + _HAIR)


def sizes_between(least_cores: float, most_cores: float) -> list[float]:
    """Every size from the first that is not below `least_cores` on; the last one is `most_cores` itself."""
    sizes, size = [], round_up_cores(least_cores)
    while size < most_cores - _HAIR:
        sizes.append(size)
        size = next_cores(size)
    return [*sizes, most_cores]


def round_up_memory(size_bytes: float) -> int:
    """Steps of 64 MiB below 2 GiB, 256 MiB below 16 GiB, else 1 GiB."""
    step = next((step for below, step in _MEMORY_STEPS_BYTES if size_bytes < below), GIBIBYTE)
    return math.ceil(size_bytes / step) * step


def _steps(value: float, step: float) -> int:
    # 0.3 / 0.05 is a little over 6 in binary: that is not a reason for a seventh step.
    return math.ceil(value / step - 1e-9)
