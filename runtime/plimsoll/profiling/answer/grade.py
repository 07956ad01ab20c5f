"""How much the answer can be trusted: each doubt is one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from plimsoll.host.cpus import Host
from plimsoll.profiling.advice.configuration import counted
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.gpu.report import gpu_doubts
from plimsoll.profiling.measure.window import NOISY_SHARE
from plimsoll.profiling.phases.capacity import Level
from plimsoll.profiling.phases.cpu_sweep import ELASTIC_CORES
from plimsoll.profiling.phases.preflight import VALID_SHARE
from plimsoll.profiling.phases.warmup import LOOK_BACK
from plimsoll.profiling.result.measurements import WarmupResult
from plimsoll.profiling.result.profile import Grade
from plimsoll.profiling.result.stalls import StallResult
from plimsoll.profiling.result.verification import Verification

_FEW_DISTINCT_ROWS = 10
_DRIVER_BUSY_CORES = 0.8
_HEAVY_NOISE_SHARE = 0.2
_LITTLE_TOLERANCE = 0.05
_THROTTLED_S = 0.1


def grade(found: Verification | None, disturbed: bool = False) -> Grade:
    """A recommendation is an estimate until a server has run inside it; heavy noise takes the grade down by one."""
    if found is None or not found.passed:
        return "estimated"
    steps: list[Grade] = ["estimated", "soft-verified", "verified"]
    return steps[(1 if found.method == "affinity" else 2) - disturbed]


def heavily_disturbed(findings: Findings) -> bool:
    """Whether others used a fifth of the machine while the peak throughput was measured."""
    limit_cores = _HEAVY_NOISE_SHARE * findings.setup.host.logical_cpus
    return any(level.result.elsewhere_cores > limit_cores for level in findings.capacity.saturated())


def verification_reason(found: Verification | None) -> str:
    """What is known of the recommended limits, in one sentence."""
    if found is None:
        return "not verified: the server has not been run inside the recommended limits"
    limits = f"{counted(found.limits.cpu_cores, 'core')} and {(found.limits.memory_bytes or 0) // MEBIBYTE} Mi"
    request = "" if found.request_cores is None else f"with a request of {counted(found.request_cores, 'core')}"
    if not found.passed:
        where = f"on a full node, {request}," if request else f"inside {limits}"
        return f"not verified: {where} {'; '.join(found.attempts[-1].failures) or 'the trials were aborted'}"
    if found.method == "affinity":
        cause = found.why_not_enforced
        return f"the server kept its rate on as many CPUs as {limits} need, but nobody enforced the limits: {cause}"
    passed = f"the server kept its rate and its latency inside {limits}, enforced by {found.method}"
    if request:
        return f"{passed}, and its rate on a full node {request}"
    why = found.why_all_cores or f"its request was not tried on a full node: {found.why_no_competitor}"
    return f"{passed}; {why}"


def grade_reasons(findings: Findings, gpu: GpuVerdict, stalls: Sequence[StallResult] = ()) -> list[str]:
    """What the grade rests on, and every doubt that there is."""
    reasons = [verification_reason(findings.verification), *(stall.sentence() for stall in stalls)]
    reasons += (
        _census_doubts(findings)
        + _load_doubts(findings)
        + _quota_doubts(findings)
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
    if findings.warmup and not findings.warmup.steady:
        doubts.append(_unsteady(findings.warmup))
    for level in findings.capacity.saturated():
        doubts += _level_doubts(level, findings.setup.host)
    ceiling = findings.ceiling
    if ceiling is not None and findings.capacity.best_rps() > VALID_SHARE * ceiling.most_rps:
        doubts.append(f"the load driver can send {ceiling.most_rps:.0f} requests/s at most: the server may do more")
    alone = findings.capacity.alone()
    elastic = alone is not None and alone.result.cores_used.mean > ELASTIC_CORES
    if elastic and not (findings.sweep.candidates or findings.quota.candidates):
        doubts.append("one request keeps several cores busy: with another number of cores rate and latency differ")
    cpu = findings.operating.recommended.cpu if findings.operating else None
    # Where one replica carries the target, nobody asks how much more it could.
    if findings.capacity.cut_short() and not (cpu is not None and cpu.carries_target):
        doubts.append("throughput was still rising when the time was up: a longer budget may find more")
    return list(dict.fromkeys(doubts))


def _unsteady(warmup: WarmupResult) -> str:
    if warmup.windows < LOOK_BACK:
        return f"the time was up after {warmup.windows} of the {LOOK_BACK} windows that show a steady state"
    if warmup.spread is None:
        return "no steady state: in a window of the warm-up nothing was answered"
    return "no steady state: when the warm-up ended, throughput, latency or CPU per request still drifted by over 10 %"


def _level_doubts(level: Level, host: Host) -> list[str]:
    doubts, found = [], level.result
    if found.driver_cores > _DRIVER_BUSY_CORES:
        doubts.append("the load driver was busy over 80 % of a core: the server may be able to do more")
    # The kernel counts the whole machine, other containers included.
    if found.elsewhere_cores > NOISY_SHARE * host.logical_cpus:
        doubts.append("other processes used this machine's CPUs meanwhile: latency and throughput are disturbed")
    ratio = found.little_ratio
    if ratio is not None and found.requests > 100 and abs(ratio + level.ramp - 1) > _LITTLE_TOLERANCE:
        why = "the machine was disturbed, or the server stood still"
        doubts.append(f"throughput times latency is not the number of connections: {why}")
    return doubts


def _quota_doubts(findings: Findings) -> list[str]:
    stood_s = findings.surroundings.throttled_s
    if stood_s <= _THROTTLED_S:
        return []
    return [
        f"the CPU quota of this container stopped the server or the profiler for {stood_s:.1f} s in"
        " all: latencies are longer than without it"
    ]
