"""How far the answer can be trusted: each doubt is one sentence."""

from __future__ import annotations

from typing import Literal

from plimsoll.host.cpus import Host
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.gpu.report import gpu_doubts
from plimsoll.profiling.measure.noise import NOISY_SHARE, drift
from plimsoll.profiling.phases.capacity import Level
from plimsoll.profiling.phases.preflight import VALID_SHARE
from plimsoll.profiling.phases.warmup import LOOK_BACK, Warmup
from plimsoll.profiling.session import Placement

Grade = Literal["verified", "soft-verified", "estimated"]

_FEW_DISTINCT_ROWS = 10
_DRIVER_BUSY_CORES = 0.8
_BUSY_SHARE = 0.9
_ELASTIC_CORES = 1.2
_HEAVY_NOISE_SHARE = 0.2
_LITTLE_TOLERANCE = 0.05
_THROTTLED_S = 0.1


def grade(findings: Findings) -> Grade:
    """A recommendation is an estimate until a server has run inside it; heavy noise takes the grade down by one."""
    found = findings.verification
    if found is None or not found.passed:
        return "estimated"
    steps: list[Grade] = ["estimated", "soft-verified", "verified"]
    return steps[(1 if found.method == "affinity" else 2) - _heavily_disturbed(findings)]


def _heavily_disturbed(findings: Findings) -> bool:
    limit_cores = _HEAVY_NOISE_SHARE * findings.setup.host.logical_cpus
    return any(level.elsewhere_cores > limit_cores for level in findings.capacity.saturated())


def verification_reason(findings: Findings) -> str:
    """What is known of the recommended limits, in one sentence."""
    found = findings.verification
    if found is None or not found.trials:
        return "not verified: the server has not been run inside the recommended limits"
    last = found.trials[-1]
    limits = f"{last.cpu_cores:g} cores and {last.memory_bytes // MEBIBYTE} Mi"
    if not found.passed:
        return f"not verified: inside {limits} {'; '.join(last.failures) or 'the trial was broken off'}"
    if found.method == "affinity":
        cause = found.why_not_enforced
        return f"the server kept its rate on as many CPUs as {limits} need, but nobody enforced the limits: {cause}"
    return f"the server kept its rate inside {limits}, enforced by {found.method}"


def grade_reasons(findings: Findings, gpu: GpuVerdict) -> list[str]:
    """What the grade rests on, and every doubt that there is."""
    reasons = [verification_reason(findings)]
    reasons += (
        _census_doubts(findings)
        + _load_doubts(findings)
        + _noise_doubts(findings)
        + gpu_doubts(findings.gpu.watch, gpu)
    )
    if findings.surroundings.peak_unknown:
        reasons.append(f"memory per row and per level is not known: {findings.surroundings.peak_unknown}")
    return reasons


def _census_doubts(findings: Findings) -> list[str]:
    doubts = []
    if findings.census.incomplete:
        doubts.append(f"not every row was sent: {findings.census.incomplete}")
    distinct = findings.dataset.distinct()
    if distinct < _FEW_DISTINCT_ROWS:
        doubts.append(f"the dataset has {distinct} distinct row(s): how cost depends on the input was hardly measured")
    return doubts


def _load_doubts(findings: Findings) -> list[str]:
    doubts = []
    if findings.warmup.windows and not findings.warmup.steady:
        doubts.append(_unsteady(findings.warmup))
    for level in findings.capacity.saturated():
        doubts += _level_doubts(level, findings.setup.host, findings.setup.placement)
    ceiling = findings.ceiling
    if ceiling is not None and findings.capacity.best_rps() > VALID_SHARE * ceiling.most_rps:
        doubts.append(f"the load driver can send {ceiling.most_rps:.0f} requests/s at most: the server may do more")
    elastic = any(level.connections == 1 and level.cores_mean > _ELASTIC_CORES for level in findings.capacity.levels)
    if elastic and not (findings.sweep.candidates or findings.quota.candidates):
        doubts.append("one request keeps several cores busy: with another number of cores rate and latency differ")
    if findings.capacity.levels and findings.capacity.stopped == "the time was up":
        doubts.append("the search for the highest throughput ended because the time was up")
    return list(dict.fromkeys(doubts))


def _unsteady(warmup: Warmup) -> str:
    if len(warmup.windows) < LOOK_BACK:
        return f"the time was up after {len(warmup.windows)} of the {LOOK_BACK} windows that show a steady state"
    return f"no steady state: the last windows of the warm-up differ by a factor of {warmup.last_spread():.2f}"


def _level_doubts(level: Level, host: Host, placement: Placement) -> list[str]:
    doubts = []
    together = placement.driver is None
    cores = min(host.usable_cores, float(len(placement.server or host.allowed_cpus)))
    if level.driver_cores > _DRIVER_BUSY_CORES:
        doubts.append("the load driver was busy over 80 % of a core: the server may be able to do more")
    if level.cores_mean + level.driver_cores * together > _BUSY_SHARE * cores:
        doubts.append(
            f"the load kept all {cores:g} cores that the server may use busy: on more cores throughput may be higher"
        )
    # The kernel counts the whole machine, other containers included.
    if level.elsewhere_cores > NOISY_SHARE * host.logical_cpus:
        doubts.append("other processes used this machine's CPUs meanwhile: latency and throughput are disturbed")
    ratio = level.little_ratio
    if ratio is not None and level.requests > 100 and abs(ratio - 1) > _LITTLE_TOLERANCE:
        doubts.append("throughput times latency is not the number of connections: the machine was disturbed")
    return doubts


def _noise_doubts(findings: Findings) -> list[str]:
    around = findings.surroundings
    before, after = around.spin_before, around.spin_after
    doubts = []
    if before and after and drift(before, after) > NOISY_SHARE:
        doubts.append(f"the machine's speed changed by {drift(before, after):.0%} during the run")
    if around.throttled_s > _THROTTLED_S:
        doubts.append(
            f"the CPU quota of this container stopped the server or the profiler for {around.throttled_s:.1f} s in"
            " all: latencies are longer than without it"
        )
    if before and before.stolen_share > NOISY_SHARE:
        doubts.append(f"the machine was busy before the run: {before.stolen_share:.0%} of the time was not available")
    return doubts
