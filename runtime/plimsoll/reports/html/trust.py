"""The sections about phases that not every run has: steady rates, CPU sweep, growth, verification."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.advice.configuration import counted
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.result.growth import GrowthResult
from plimsoll.profiling.result.measurements import CpuLevelResult, RateLevelResult
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.result.verification import Verification, VerificationAttempt
from plimsoll.reports.charts.sweep import sweep_chart
from plimsoll.reports.parts import Figure, TableData, pair
from plimsoll.reports.units import UNKNOWN, cores, megabytes, milliseconds, number, percent, percentiles

_VERDICTS = {
    "none": "does not grow",
    "saturating": "grew at first and then stopped, like a cache that fills up",
    "growing": "grows with every request",
    "unresolved": "was read too seldom to tell whether it grows",
}

_TRIALS = {"search": "search for the limit", "limit": "limit", "request": "request, full node"}


def rates(profile: Profile) -> Iterator[Figure]:
    levels = profile.measurements.open_levels()
    if levels:
        caption = f"{_arrivals(profile)}; latency counts from the time a request was due."
        columns = ("requests/s", "answered/s", "p50 ms", "p95 ms", "p99 ms", "max ms", "n", "in flight", "peak", "")
        table = TableData(columns, tuple(_rate(level) for level in levels))
        yield Figure("At a steady rate", caption, None, (table,))


def _arrivals(profile: Profile) -> str:
    when = "whether or not earlier ones have been answered"
    if profile.driver.recording is not None:
        return f"Requests arrive in the order and with the gaps in which they were recorded, {when}"
    return f"Requests arrive at random times (Poisson), {when}, as from independent clients"


def _rate(level: RateLevelResult) -> tuple[str, ...]:
    notes = {
        "queue grows": level.queue_growing,
        "driver late": level.driver_limited,
        "SLO missed": level.slo_met is False,
    }
    return (
        number(level.target_requests_per_second),
        number(level.requests_per_second),
        *percentiles(level.latency_seconds),
        f"{level.requests:,}",
        number(level.in_flight_mean),
        str(level.in_flight_max),
        ", ".join(note for note, true in notes.items() if true),
    )


def sweep(profile: Profile) -> Iterator[Figure]:
    levels = profile.measurements.cpu_levels
    if len(levels) > 1:
        chosen = next((level for level in levels if level.chosen), None)
        caption = "The dashed line is linear scaling from the smallest number of CPUs. "
        caption += f"{_cpus(chosen.cpus)} chosen, at {chosen.efficiency:.0%} of it. " if chosen else ""
        if any(level.method == "quota" for level in levels):
            caption += "Rings: all CPUs, limited by a quota as in a container; dots: that many CPUs to itself."
        chart = pair(lambda width: sweep_chart(levels, width))
        yield Figure("With more or fewer CPUs", caption.strip(), chart, (sweep_table(levels),))


def sweep_table(levels: list[CpuLevelResult]) -> TableData:
    times = ("p50 ms", "p99 ms", "max ms")
    columns = ("CPUs", "limited by", "requests/s", *times, "cores", "CPU ms", "per CPU", "ready s", "")
    ordered = sorted(levels, key=lambda level: level.cpus)
    return TableData(columns, tuple(_cpu_level(level) for level in ordered))


def _cpu_level(level: CpuLevelResult) -> tuple[str, ...]:
    return (
        f"{level.cpus:g}",
        level.method,
        number(level.requests_per_second),
        milliseconds(level.latency_seconds.p50),
        milliseconds(level.latency_seconds.p99),
        milliseconds(level.latency_seconds.max),
        number(level.cores_used.mean),
        milliseconds(level.cpu_seconds_per_request),
        percent(level.efficiency),
        number(level.seconds_to_ready),
        "chosen" if level.chosen else "",
    )


def _cpus(count: float) -> str:
    return f"{counted(count, 'CPU')} {'is' if count == 1 else 'are'}"


def growth(profile: Profile) -> Iterator[Figure]:
    found = profile.measurements.growth
    if found.verdict is not None:
        sentences = [_growth_sentence("Memory", found)]
        gpu = profile.measurements.gpu
        sentences += [_growth_sentence("GPU memory", gpu.growth)] if gpu and gpu.growth else []
        yield Figure("Does memory grow?", " ".join(sentences))


def _growth_sentence(what: str, found: GrowthResult) -> str:
    sentence = f"{what} {_VERDICTS[str(found.verdict)]}"
    if found.bytes_per_1000_requests is not None:
        sentence += f": {found.bytes_per_1000_requests / 1e6:+.2f} MB per 1000 requests"
    low, high = found.lower_bytes_per_1000_requests, found.upper_bytes_per_1000_requests
    if low is not None and high is not None:
        sentence += f" (95 % interval {low / 1e6:+.2f} to {high / 1e6:+.2f})"
    if found.seconds_to_limit is not None:
        sentence += f"; at the recommended rate the limit is reached after {found.seconds_to_limit / 3600:.1f} hours"
    return sentence + f". Measured over {found.requests:,} requests." if found.requests else sentence + "."


def verification(profile: Profile) -> Iterator[Figure]:
    found = profile.verification
    if found is None:
        return
    times = ("p95 ms", "p99 ms", "max ms")
    counts = ("failed", "throttled", "OOM kills", "peak MB")
    columns = ("trial", "limit", "request", "memory Mi", "passed", *times, *counts)
    table = TableData(columns, tuple(_attempt(attempt) for attempt in found.attempts))
    yield Figure("Inside its own limits", _verification_sentence(found), None, (table,))


def _verification_sentence(found: Verification) -> str:
    verdict = "passed" if found.passed else "failed"
    evidence = found.evidence
    size_bytes = found.limits.memory_bytes or 0
    limits = f"{cores(found.limits.cpu_cores)} and {size_bytes // MEBIBYTE} Mi"
    words = [f"The server was run inside {limits} ({found.method}), and it {verdict}."]
    if evidence.p99_ratio is not None:
        words.append(f"Its p99 was {evidence.p99_ratio:.2f} times that of the unlimited run with the same arrivals.")
    if found.request_cores is not None:
        node = f"On a full node, where others took every CPU second but a share of {cores(found.request_cores)},"
        words.append(f"{node} it had a p95 of {milliseconds(evidence.full_node_p95_seconds)} ms.")
    elif found.why_all_cores is not None:
        words.append(f"{found.why_all_cores[0].upper()}{found.why_all_cores[1:]}.")
    elif found.why_no_competitor:
        words.append(f"Its request was not tried on a full node: {found.why_no_competitor}.")
    shares = {"CPU": evidence.tightness.cpu, "memory": evidence.tightness.memory}
    known = [f"{share:.0%} of the {name}" for name, share in shares.items() if share is not None]
    if known:
        words.append(f"It needed {' and '.join(known)}.")
    words += [found.why_not_enforced] if found.why_not_enforced else []
    # In search of a limit some must fail.
    words += [_failure(attempt) for attempt in found.attempts if attempt.failures and attempt.kind != "search"]
    return " ".join(word if word.endswith(".") else f"{word}." for word in words)


def _failure(attempt: VerificationAttempt) -> str:
    where = f"Inside {cores(attempt.limits.cpu_cores)}"
    if attempt.weight_cores is not None:
        where = f"On a full node with a request of {cores(attempt.weight_cores)}"
    return f"{where}: {'; '.join(attempt.failures)}"


def _attempt(attempt: VerificationAttempt) -> tuple[str, ...]:
    latency, answered = attempt.latency_seconds, attempt.requests is not None and attempt.successes is not None
    size_bytes, request_cores = attempt.limits.memory_bytes, attempt.weight_cores
    return (
        _TRIALS[attempt.kind],
        f"{attempt.limits.cpu_cores:g}",
        UNKNOWN if request_cores is None else f"{request_cores:g}",
        UNKNOWN if size_bytes is None else str(size_bytes // MEBIBYTE),
        "yes" if attempt.passed else "no",
        milliseconds(latency.p95),
        milliseconds(latency.p99),
        milliseconds(latency.max),
        f"{(attempt.requests or 0) - (attempt.successes or 0):,}" if answered else UNKNOWN,
        percent(attempt.throttled_share),
        UNKNOWN if attempt.oom_kills is None else str(attempt.oom_kills),
        megabytes(attempt.memory_peak_bytes),
    )
