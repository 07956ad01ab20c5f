"""`--baseline` and `--max-regression`: is this profile worse than an earlier one, by more than chance explains?

A number has regressed when it is worse by more than the share allowed and the two intervals do not touch. Times are
only compared between machines of one kind; memory always is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from plimsoll.errors import UsageError
from plimsoll.profiling.gates_conditions import GateResult
from plimsoll.profiling.gates_intervals import Interval, of_percentile, of_windows
from plimsoll.profiling.gates_units import Dimension, show_quantity
from plimsoll.profiling.result import Profile


@dataclass(frozen=True, slots=True)
class _Compared:
    """`read` answers None where the profile does not hold enough for an interval."""

    name: str
    dimension: Dimension
    read: Callable[[Profile], Interval | None]
    more_is_worse: bool = True
    of_any_machine: bool = False


def load_baseline(path: Path) -> Profile:
    """Raises UsageError where it is not a profile."""
    try:
        return Profile.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--baseline {path}: cannot be read ({error.strerror})") from error
    except (ValidationError, UnicodeDecodeError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        where = ".".join(str(part) for part in first["loc"]) + ": " + first["msg"] if first else "not UTF-8"
        raise UsageError(f"--baseline {path}: not a profile.json of this version ({where})") from error


def compare(profile: Profile, baseline: Profile, most: float) -> Iterator[GateResult]:
    """One result per number, and a note where the two cannot be compared fairly."""
    same = _same_machine(profile, baseline)
    if not same:
        yield GateResult(None, f"baseline: only memory is compared, it was measured on {_machine(baseline)}")
    if (profile.dataset.rows, profile.dataset.bytes) != (baseline.dataset.rows, baseline.dataset.bytes):
        yield GateResult(None, "baseline: it was measured with another dataset")
    for compared in _COMPARED:
        if same or compared.of_any_machine:
            yield _compare(compared, compared.read(baseline), compared.read(profile), most)


def _compare(compared: _Compared, before: Interval | None, now: Interval | None, most: float) -> GateResult:
    if before is None or now is None:
        missing = "the baseline" if before is None else "this profile"
        return GateResult(None, f"baseline: {compared.name} cannot be compared, {missing} holds too little of it")
    change = now.value / before.value - 1 if before.value else 0.0
    worse = change > most if compared.more_is_worse else change < -most
    apart = now.low > before.high if compared.more_is_worse else now.high < before.low
    shown = f"{show_quantity(before.value, compared.dimension)} → {show_quantity(now.value, compared.dimension)}"
    doubt = "; within the spread of the measurements" if worse and not apart else ""
    return GateResult(not (worse and apart), f"baseline: {compared.name} {shown} ({change:+.1%}{doubt})")


def _same_machine(profile: Profile, baseline: Profile) -> bool:
    return _machine(profile) == _machine(baseline)


def _machine(profile: Profile) -> str:
    return f"{profile.host.usable_cores:g} cores of {profile.host.cpu_model or 'an unnamed processor'}"


def _alone(profile: Profile, share: float) -> Interval | None:
    """Latency with one connection: the only load that is the same in both."""
    curves = profile.measurements.latency_curves
    curve = next((curve for curve in curves if curve.connections == 1), None)
    return of_percentile(curve, share) if curve else None


def _peak(profile: Profile) -> Interval | None:
    """A maximum that the kernel keeps has no spread within a run."""
    peak_bytes = profile.measurements.memory.peak_bytes
    return None if peak_bytes is None else Interval(peak_bytes, peak_bytes, peak_bytes)


_COMPARED = (
    _Compared(
        "CPU per request",
        Dimension.TIME,
        lambda profile: of_windows(profile.measurements.knee_windows.cpu_seconds_per_request),
    ),
    _Compared(
        "throughput",
        Dimension.RATE,
        lambda profile: of_windows(profile.measurements.knee_windows.requests_per_second),
        more_is_worse=False,
    ),
    _Compared("p50 alone", Dimension.TIME, lambda profile: _alone(profile, 0.5)),
    _Compared("p99 alone", Dimension.TIME, lambda profile: _alone(profile, 0.99)),
    _Compared("memory at most", Dimension.MEMORY, _peak, of_any_machine=True),
)
