"""`--baseline` and `--max-regression`: is this profile worse than an earlier one, by more than chance explains?

A number has regressed when it is worse by more than the share allowed and the two intervals do not touch. CPU is only
compared between machines of one kind and under the same load, times only where both runs were undisturbed; memory
always is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from plimsoll.profiling.gates.metrics import Dimension, show_quantity
from plimsoll.profiling.measure.window import NOISY_SHARE
from plimsoll.profiling.result.profile import GateResult, Profile
from plimsoll.profiling.statistics import Interval, mean_interval, percentile_interval

_CPU_ALLOWANCE, _TIME_ALLOWANCE, _MEMORY_ALLOWANCE = 0.03, 0.05, 0.01
# Neighbours take caches and the other half of a core: the same model cost 28 % more beside a machine 88 % busy.
_NEIGHBOURS_ALLOWANCE = 0.15


@dataclass(frozen=True, slots=True)
class _Compared:
    """`read` answers None where the profile does not hold enough for an interval.

    `allowance` is a share for what differs between two runs of the same thing and no spread within one run shows:
    the placement of memory and threads, the clock rate of a processor.
    """

    name: str
    dimension: Dimension
    read: Callable[[Profile], Interval | None]
    allowance: float
    more_is_worse: bool = True


def compare(profile: Profile, baseline: Profile, most: float) -> Iterator[GateResult]:
    """One result per number, and a note where the two cannot be compared fairly."""
    if (profile.dataset.rows, profile.dataset.bytes) != (baseline.dataset.rows, baseline.dataset.bytes):
        yield _note("the dataset", "it was measured with another dataset")
    compared = [_MEMORY]
    if _machine(profile) != _machine(baseline):
        yield _note("the machine", f"only memory is compared, it was measured on {_machine(baseline)}")
    elif connections := _common_connections(profile, baseline):
        disturbed = max(_elsewhere_share(found, {1, connections}) for found in (profile, baseline))
        compared.append(_cpu(connections, disturbed))
        if disturbed > NOISY_SHARE:
            share = f"other processes used up to {disturbed:.0%} of the machine"
            yield _note("throughput and latency", f"throughput and latency are not compared, {share}")
        else:
            compared += _times(connections)
    for each in compared:
        yield _compare(each, each.read(baseline), each.read(profile), most)


def _common_connections(profile: Profile, baseline: Profile) -> int | None:
    """The greatest load that both were under: what a request costs depends on how many there are."""
    now, before = ({level.connections for level in found.measurements.level_windows} for found in (profile, baseline))
    return max(now & before, default=None)


def _elsewhere_share(profile: Profile, connections: set[int]) -> float:
    levels = profile.measurements.concurrency_levels
    used = [level.elsewhere_cores for level in levels if level.connections in connections]
    return max(used, default=0.0) / profile.host.logical_cpus


def _compare(compared: _Compared, before: Interval | None, now: Interval | None, most: float) -> GateResult:
    if before is None or now is None:
        missing = "the baseline" if before is None else "this profile"
        return _note(compared.name, f"{compared.name} cannot be compared, {missing} holds too little of it")
    change = now.value / before.value - 1 if before.value else 0.0
    worse = change > most if compared.more_is_worse else change < -most
    now_low, now_high = now.widened(compared.allowance)
    before_low, before_high = before.widened(compared.allowance)
    apart = now_low > before_high if compared.more_is_worse else now_high < before_low
    was, is_now = (show_quantity(found.value, compared.dimension) for found in (before, now))
    doubt = "; within the spread of the measurements" if worse and not apart else ""
    return GateResult(
        kind="baseline",
        name=compared.name,
        held=not (worse and apart),
        sentence=f"baseline: {compared.name} {was} → {is_now} ({change:+.1%}{doubt})",
        measured=is_now,
        bound=f"{'> +' if compared.more_is_worse else '< -'}{100 * most:g} %",
        before=was,
        change=change,
    )


def _note(name: str, why: str) -> GateResult:
    return GateResult(kind="baseline", name=name, held=None, sentence=f"baseline: {why}")


def _machine(profile: Profile) -> str:
    return f"{profile.host.usable_cores:g} cores of {profile.host.cpu_model or 'an unknown processor'}"


def _mean_of(figure: str, connections: int) -> Callable[[Profile], Interval | None]:
    def read(profile: Profile) -> Interval | None:
        levels = profile.measurements.level_windows
        level = next((level for level in levels if level.connections == connections), None)
        return mean_interval(getattr(level, figure)) if level else None

    return read


def _cpu(connections: int, disturbed: float) -> _Compared:
    allowance = _CPU_ALLOWANCE + _NEIGHBOURS_ALLOWANCE * disturbed
    read = _mean_of("cpu_seconds_per_request", connections)
    return _Compared(f"CPU per request with {_of(connections)}", Dimension.TIME, read, allowance)


def _times(connections: int) -> Iterator[_Compared]:
    name, read = f"throughput with {_of(connections)}", _mean_of("requests_per_second", connections)
    yield _Compared(name, Dimension.RATE, read, _TIME_ALLOWANCE, more_is_worse=False)
    for share in (0.5, 0.99):
        name = f"p{share * 100:g} with {_of(1)}"
        yield _Compared(name, Dimension.TIME, partial(_percentile_alone, share), _TIME_ALLOWANCE)


def _percentile_alone(share: float, profile: Profile) -> Interval | None:
    curve = next((curve for curve in profile.measurements.latency_curves if curve.connections == 1), None)
    return percentile_interval(curve.shares, curve.seconds, curve.requests, share) if curve else None


def _of(connections: int) -> str:
    return "1 connection" if connections == 1 else f"{connections} connections"


def _peak(profile: Profile) -> Interval | None:
    """A maximum that the kernel keeps has no spread within a run."""
    peak_bytes = profile.measurements.memory.peak_bytes
    return None if peak_bytes is None else Interval(peak_bytes, peak_bytes, peak_bytes)


_MEMORY = _Compared("memory at most", Dimension.MEMORY, _peak, _MEMORY_ALLOWANCE)
