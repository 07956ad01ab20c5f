"""From findings to the profile as it is written."""

from __future__ import annotations

from collections import Counter

from plimsoll.profiling.advice.configuration import counted
from plimsoll.profiling.advice.cpu import CpuAnswer
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.answer.decision import Decision
from plimsoll.profiling.answer.grade import grade, grade_reasons, heavily_disturbed
from plimsoll.profiling.answer.measurements import build_measurements, build_processes
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.gpu.growth import why_unjudged
from plimsoll.profiling.phases.open_loop import RateLevel
from plimsoll.profiling.result.base import LatencySeconds, camel
from plimsoll.profiling.result.measurements import Measurements
from plimsoll.profiling.result.profile import (
    Azureml,
    DatasetInfo,
    DriverInfo,
    HostInfo,
    OperatingLatency,
    OperatingPoint,
    Profile,
    Recommendation,
    RecordedArrivals,
    SettingsInfo,
)
from plimsoll.profiling.result.unknown import Reasons

_GB = 1e9
_BUSY_SHARE = 0.9
_RECORDED = "closed loop, one keep-alive connection per request in flight; open loop with the gaps of recorded requests"


def build_profile(findings: Findings, decision: Decision, gpu: GpuVerdict, elapsed_s: float) -> Profile:
    """An aborted run has a profile, too: what it did not measure is null, with the reason."""
    measurements = build_measurements(findings, decision, gpu)
    cpu, problem = decision.recommended.cpu, findings.problem
    partial = problem is not None and problem.code == "rows_failed" and cpu is not None
    profile = Profile(
        name=findings.options.name,
        description=findings.options.description,
        state="Succeeded" if problem is None or partial else "Failed",
        created_time=findings.setup.created.isoformat(timespec="seconds"),
        elapsed_seconds=elapsed_s,
        error=problem,
        grade=grade(findings.verification, heavily_disturbed(findings)),
        grade_reasons=grade_reasons(findings, gpu, measurements.stalls),
        warnings=list(findings.warnings),
        azureml=_azureml(findings, decision.recommended, measurements),
        recommendation=_recommendation(findings, decision, gpu),
        measurements=measurements,
        processes=build_processes(findings),
        verification=findings.verification,
        host=_host(findings),
        dataset=_dataset(findings),
        driver=_driver(findings),
        settings=_settings(findings),
    )
    return profile.model_copy(update={"unknown": _reasons(findings, gpu).of(profile)})


def _recommendation(findings: Findings, decision: Decision, gpu: GpuVerdict) -> Recommendation:
    recommended = decision.recommended
    cpu, memory, layout = recommended.cpu, recommended.memory, recommended.configuration
    return Recommendation(
        cpu=cpu.cores if cpu else None,
        memory=memory.size if memory else None,
        gpu=gpu.answer,
        workers=layout.workers,
        threads=layout.threads,
        max_batch_size=layout.max_batch_size or findings.capacity.max_batch_size(),
        runner_up=decision.runner_up,
        environment=recommended.environment(),
        max_requests_per_second=cpu.carries_rps if cpu else None,
        replicas=cpu.replicas if cpu else None,
        operating_point=_operating_point(cpu, decision.operating) if cpu else None,
    )


def _operating_point(answer: CpuAnswer, level: RateLevel | None) -> OperatingPoint:
    return OperatingPoint(
        requests_per_second=answer.operating_rps,
        utilisation=answer.operating_rps / answer.capacity_rps,
        latency_seconds=OperatingLatency.of(level.result.latency_seconds) if level else OperatingLatency(),
    )


def _azureml(findings: Findings, recommended: Recommended, measurements: Measurements) -> Azureml:
    levels, knee = [level.result for level in findings.capacity.levels], findings.capacity.knee()
    latency = knee.result.latency_seconds if knee else LatencySeconds()
    total = len(findings.census.rows) + sum(level.requests for level in levels)
    good = len(findings.census.succeeded()) + sum(level.successes for level in levels)
    cores = [most for level in levels if (most := level.cores_used.max) is not None]
    memory_bytes = measurements.memory.peak_bytes
    return Azureml(
        requested_cpu=findings.options.max_cpu_cores,
        requested_memory_in_gb=findings.options.max_memory_gb,
        requested_queries_per_second=findings.options.target_rps,
        max_utilized_cpu=max(cores, default=None),
        max_utilized_memory_in_gb=None if memory_bytes is None else memory_bytes / _GB,
        total_queries=total or None,
        success_queries=good if total else None,
        success_rate=good / total if total else None,
        average_latency_in_ms=_ms(latency.mean),
        latency_percentile_50_in_ms=_ms(latency.p50),
        latency_percentile_90_in_ms=_ms(latency.p90),
        latency_percentile_95_in_ms=_ms(latency.p95),
        latency_percentile_99_in_ms=_ms(latency.p99),
        latency_percentile_999_in_ms=_ms(latency.p999),
        measured_queries_per_second=knee.result.requests_per_second if knee else None,
        recommended_cpu=recommended.cpu.cores.limit_cores if recommended.cpu else None,
        recommended_memory_in_gb=recommended.memory.size.request_bytes / _GB if recommended.memory else None,
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _host(findings: Findings) -> HostInfo:
    placement = findings.setup.placement
    return HostInfo.of(findings.setup.host, server_cpus=placement.server, driver_cpus=placement.driver)


def _dataset(findings: Findings) -> DatasetInfo:
    rows = findings.dataset.rows
    return DatasetInfo(
        path=str(findings.dataset.path),
        rows=len(rows),
        distinct=findings.dataset.distinct(),
        bytes=sum(len(row.body) for row in rows),
        largest_bytes=max(len(row.body) for row in rows),
        content_types=dict(Counter(row.content_type for row in rows)),
    )


def _driver(findings: Findings) -> DriverInfo:
    driver = DriverInfo(
        most_requests_per_second=findings.ceiling.most_rps if findings.ceiling else None,
        cpu_seconds_per_request=findings.ceiling.cpu_per_request_s if findings.ceiling else None,
        seed=findings.options.seed,
        request_timeout_seconds=findings.setup.request_timeout_s,
        warmup_windows=findings.warmup.windows if findings.warmup else 0,
        capacity_stopped=_capacity_stopped(findings),
    )
    if not findings.options.recorded:
        return driver
    return driver.model_copy(update={"kind": _RECORDED, "recording": _recording(findings)})


def _recording(findings: Findings) -> RecordedArrivals:
    """Of rows that have times, and not all the same."""
    times_s = [row.arrived_s for row in findings.dataset.rows if row.arrived_s is not None]
    seconds = max(times_s) - min(times_s)
    return RecordedArrivals(requests=len(times_s), seconds=seconds, requests_per_second=(len(times_s) - 1) / seconds)


def _capacity_stopped(findings: Findings) -> str:
    """With no CPU left it is a peak of this machine, which is no doubt: so it is where CPU is what a request costs."""
    host, placement, stopped = findings.setup.host, findings.setup.placement, findings.capacity.stopped
    cores = min(host.usable_cores, float(len(placement.server or host.allowed_cpus)))
    together = placement.driver is None
    levels = [level.result for level in findings.capacity.saturated()]
    used_cores = max((one.cores_used.mean + one.driver_cores * together for one in levels), default=0.0)
    if used_cores <= _BUSY_SHARE * cores:
        return stopped
    return f"{stopped}; the load kept all of the {counted(cores, 'core')} busy that the server may use"


def _settings(findings: Findings) -> SettingsInfo:
    options = findings.options
    return SettingsInfo.of(
        options,
        budget_seconds=options.budget_s,
        target_requests_per_second=options.target_rps,
        slo=options.slo.flag if options.slo else None,
        scoring_timeout_seconds=options.scoring_timeout_s,
        grace_seconds=options.grace_s,
        contract=options.spoken.contract,
        scoring_route=options.spoken.route,
        contract_variables=dict(options.spoken.variables),
    )


def _reasons(findings: Findings, gpu: GpuVerdict) -> Reasons:
    """Why numbers are null, as far as it depends on the run."""
    otherwise = findings.problem.message if findings.problem else "it was not measured"
    given = _phases_not_run(findings, otherwise) | _gpu_unknown(findings.gpu.unknown, gpu)
    no_growth = why_unjudged(gpu) or (findings.growth_unknown if findings.growth.verdict is None else None)
    given |= {"measurements.gpu.growth": no_growth} if no_growth else {}
    slo, peak_unknown = findings.options.slo, findings.surroundings.peak_unknown
    undecided = "no SLO was given" if slo is None else "too few requests decide it"
    given |= dict.fromkeys(("measurements.rateLevels.sloMet", "measurements.operatingLevel.sloMet"), undecided)
    if findings.options.target_rps is None:
        given["recommendation.replicas"] = "no target rate was given"
    if peak_unknown:
        given["measurements.startup.peakMemoryBytes"] = peak_unknown
        given["measurements.rows.heaviest.peakMemoryBytes"] = peak_unknown
    return Reasons(otherwise, given, findings.surroundings.memory_unknown)


def _phases_not_run(findings: Findings, otherwise: str) -> dict[str, str]:
    plan, capacity, not_run = findings.plan, findings.capacity, "this phase was not run"
    single = "run() takes one call at a time"
    no_fit = single if capacity.max_batch_size() is None else "too few different batch sizes were seen"
    given = {
        "verification": (plan.why_unverified() if plan else "") or not_run,
        "measurements.cpuLevels": f"{not_run} (CPU sweep)",
        "measurements.batchLevels": single if capacity.levels else f"{not_run} (batch sizes)",
        "measurements.batchFit": no_fit if capacity.levels else f"{not_run} (batch sizes)",
    }
    given["recommendation.maxBatchSize"] = given["measurements.batchFit"]
    if plan is not None and capacity.levels and not plan.elastic:
        why = "one request keeps no more than one core busy: the number of CPUs hardly matters to it"
        given["measurements.cpuLevels"] = why
    if findings.growth.verdict is None:
        given["measurements.growth.*"] = findings.growth_unknown
    loaded_s = sum(stretch.end_s - stretch.begin_s for stretch in findings.timeline.stretches)
    given["measurements.stalls"] = f"none in {loaded_s:.0f} s of steady load" if loaded_s else otherwise
    if not findings.open_loop.levels and (findings.operating is None or not findings.operating.windows):
        given["recommendation.operatingPoint.latencySeconds.*"] = f"{not_run} (open loop)"
    if not capacity.levels:
        given |= dict.fromkeys(("measurements.request.*", "measurements.startup.warmup.spread"), otherwise)
        given |= {f"azureml.{camel(name)}": otherwise for name in Azureml.model_fields if "latency" in name}
    return given


def _gpu_unknown(unknown: str, verdict: GpuVerdict) -> dict[str, str]:
    nothing = ("recommendation.gpu", "measurements.gpu", "measurements.timeline.gpuMemoryBytes")
    why = verdict.answer.reason if verdict.answer else unknown or "it was not measured"
    numbers = ("driverVersion", "heldBytes", "neededBytes", "preallocates")
    given = {f"measurements.gpu.{number}": why for number in numbers}
    return given | dict.fromkeys(nothing, unknown) if unknown else given
