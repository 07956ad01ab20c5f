"""Why a number of the result is null: every null gets its reason, by the first rule that fits its path."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.gpu.report import gpu_rules
from plimsoll.profiling.latency import MOST_FAILED_SHARE, needed_for

_NOT_RUN = "this phase was not run"
_PERCENTILES = {"50": 0.5, "90": 0.9, "95": 0.95, "99": 0.99, "999": 0.999}
# Where null or empty is itself the answer.
_ANSWERS = (
    "error",
    "error.details",
    "description",
    "warnings",
    "unknown",
    "gates",
    "*.name",
    "recommendation.environment",
    "measurements.rows.failed",
    "measurements.gpu.devices.*.throttling",
    "settings.serverArguments",
)

_MEMORY = ("*.memory", "*.memory.*", "*emoryBytes", "azureml.maxUtilizedMemoryInGB", "azureml.recommendedMemoryInGB")
_NO_GROUP = "no control group enforced the limits"
_SINGLE_CALLS = "run() takes one call at a time"
_UNDECIDED = "too few requests decide it"

Rules = list[tuple[str, str]]


def explain(result: dict[str, Any], findings: Findings, gpu: GpuVerdict) -> dict[str, str]:
    """Path → reason for each null and each empty list; list items are counted from 0: `levels.0.p99`."""
    rules = _rules(findings, gpu)
    paths = (path for path in _empty_paths(result, "") if not _fits(path, _ANSWERS))
    return {path: _reason(path, rules) for path in paths}


def _empty_paths(value: Any, path: str) -> Iterator[str]:
    if value is None or value in ([], {}):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _empty_paths(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _empty_paths(item, f"{path}.{index}")


def _fits(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _reason(path: str, rules: Rules) -> str:
    return next(reason for pattern, reason in rules if fnmatchcase(path, pattern))


def _rules(findings: Findings, gpu: GpuVerdict) -> Rules:
    ended = findings.problem.message if findings.problem else "it was not measured"
    rules: Rules = [
        ("verification", _why_unverified(findings)),
        ("verification.whyNotEnforced", "the limits were enforced"),
        ("verification.attempts.*.failures", "nothing failed"),
        ("verification.attempts.*Throttled*", _NO_GROUP),
        ("verification.attempts.*throttled*", _NO_GROUP),
        ("verification.attempts.*oomKills", _NO_GROUP),
        ("verification.attempts.*", "the trial did not come so far, or too few requests were made"),
        ("verification.evidence.tightness.*", "the needs were measured in another run"),
        ("verification.evidence.*", "too few requests were made in the time"),
        ("measurements.rateLevels", f"{_NOT_RUN} (open loop)"),
        ("measurements.cpuLevels", _why_no_sweep(findings)),
        ("measurements.batchLevels", _SINGLE_CALLS if findings.capacity.levels else f"{_NOT_RUN} (batch sizes)"),
        ("measurements.batchFit", _why_no_fit(findings)),
        *_growth_rules(findings),
        *gpu_rules(findings.gpu.unknown, gpu),
        ("recommendation.maxBatchSize", _why_no_fit(findings)),
        ("recommendation.runnerUp.maxBatchSize", "the script alone decides, or takes single calls"),
        ("recommendation.runnerUp.replicas", "no target rate was given"),
        ("recommendation.runnerUp", "no other configuration of the server was tried, or none kept its rate"),
        ("azureml.requestedCpu", "no upper bound for CPU was given"),
        ("azureml.requestedMemoryInGB", "no upper bound for memory was given"),
        ("azureml.requestedQueriesPerSecond", "no target rate was given"),
        ("settings.*", "not given"),
        ("host.cpuLimitCores", "no CPU quota is set"),
        ("host.memoryLimitBytes", "no memory limit is set"),
        ("host.cgroupVersion", "no control group was found"),
        ("host.cpuModel", "the kernel does not name it"),
        ("host.*Cpus", "not pinned"),
        ("measurements.rateLevels.*.sloMet", "no SLO was given" if findings.options.slo is None else _UNDECIDED),
        ("measurements.rateLevels.*.capacityShare", "the capacity is not known"),
        ("measurements.memory.perInFlightBytes", "needs three levels of concurrency"),
    ]
    if findings.options.target_rps is None:
        rules.append(("recommendation.replicas", "no target rate was given"))
    if findings.surroundings.memory_unknown:
        rules[:0] = [(pattern, findings.surroundings.memory_unknown) for pattern in _MEMORY]
    if findings.surroundings.peak_unknown:
        rules.append(("*peakMemoryBytes", findings.surroundings.peak_unknown))
    if not findings.open_loop.levels:
        rules.append(("recommendation.operatingPoint.latencySeconds.*", f"{_NOT_RUN} (open loop)"))
    if findings.capacity.levels:
        rules += _latency_rules()
        rules.append(("measurements.request.cpuSeconds.upperBound", "needs three windows of load"))
        rules.append(("*coresUsed*", "the level was too short for a sample"))
        rules.append(("*warmup.spread", "a window without a single answer"))
    return [*rules, ("*", ended)]


def _why_unverified(findings: Findings) -> str:
    return (findings.plan.why_unverified() if findings.plan else "") or _NOT_RUN


def _why_no_fit(findings: Findings) -> str:
    if not findings.capacity.levels:
        return f"{_NOT_RUN} (batch sizes)"
    return _SINGLE_CALLS if findings.capacity.max_batch_size() is None else "batches of too few sizes were seen"


def _why_no_sweep(findings: Findings) -> str:
    if findings.plan is not None and findings.capacity.levels and not findings.plan.elastic:
        return "one request keeps no more than one core busy: the number of CPUs hardly matters to it"
    return f"{_NOT_RUN} (CPU sweep)"


def _growth_rules(findings: Findings) -> Rules:
    if findings.growth.verdict is None:
        return [("measurements.growth.*", findings.growth.unknown)]
    return [
        ("measurements.growth.secondsToLimit", "memory does not grow with every request"),
        ("measurements.growth.*", "the kernel does not tell the memory of the processes"),
    ]


def _latency_rules() -> Rules:
    few = f"{MOST_FAILED_SHARE:.0%}"
    whole = ("*latencySeconds.mean", "*latencySeconds.max", "*averageLatencyInMs")
    rules = [(pattern, f"more than {few} of the requests failed") for pattern in whole]
    return rules + [
        (pattern, f"needs {needed_for(share)} successful requests, and at most {few} that failed")
        for name, share in _PERCENTILES.items()
        for pattern in (f"*latencySeconds.p{name}", f"*latenessSeconds.p{name}", f"*latencyPercentile{name}InMs")
    ]
