"""The sections about phases that not every run has: steady rates, CPU sweep, growth, verification."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.result.levels import CpuLevelResult, GrowthResult, RateLevelResult
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.result.verification import Verification, VerificationAttempt
from plimsoll.reports.charts.sweep import sweep_chart
from plimsoll.reports.html_parts import Figure, TableData, pair
from plimsoll.reports.units import UNKNOWN, milliseconds, number

_VERDICTS = {
    "none": "does not grow",
    "saturating": "grew at first and then stopped, like a cache that fills",
    "growing": "grows with every request",
    "unresolved": "could not be judged",
}


def rates(profile: Profile) -> Iterator[Figure]:
    """Open loop."""
    levels = profile.measurements.rate_levels
    if levels:
        caption = (
            "Requests come at random instants, whether or not earlier ones were answered, as from independent "
            "clients; latency counts from the instant a request was due."
        )
        columns = ("requests/s", "answered/s", "p50 ms", "p95 ms", "p99 ms", "n", "in flight", "at most", "")
        table = TableData(columns, tuple(_rate(level) for level in levels))
        yield Figure("At a steady rate", caption, None, (table,))


def _rate(level: RateLevelResult) -> tuple[str, ...]:
    latency = level.latency_seconds
    notes = {
        "queue grows": level.queue_growing,
        "driver late": level.driver_limited,
        "SLO missed": level.slo_met is False,
    }
    return (
        number(level.target_requests_per_second),
        number(level.requests_per_second),
        milliseconds(latency.p50),
        milliseconds(latency.p95),
        milliseconds(latency.p99),
        f"{level.requests:,}",
        number(level.in_flight_mean),
        str(level.in_flight_max),
        ", ".join(note for note, true in notes.items() if true),
    )


def sweep(profile: Profile) -> Iterator[Figure]:
    """Throughput by the number of CPUs."""
    levels = profile.measurements.cpu_levels
    if len(levels) > 1:
        chosen = next((level for level in levels if level.chosen), None)
        caption = "The dashed line is what each further CPU would bring if it brought as much as the smallest size. "
        caption += f"{_cpus(chosen.cpus)} chosen, at {chosen.efficiency:.0%} of it. " if chosen else ""
        if any(level.method == "quota" for level in levels):
            caption += "Rings: all CPUs, held down by a quota as in a container; dots: so many CPUs to itself."
        chart = pair(lambda width: sweep_chart(levels, width))
        yield Figure("With more or fewer CPUs", caption.strip(), chart, (sweep_table(levels),))


def sweep_table(levels: list[CpuLevelResult]) -> TableData:
    """One line per size."""
    columns = ("CPUs", "held by", "requests/s", "p50 ms", "p99 ms", "cores", "CPU ms", "per CPU", "ready after s", "")
    ordered = sorted(levels, key=lambda level: level.cpus)
    return TableData(columns, tuple(_cpu_level(level) for level in ordered))


def _cpu_level(level: CpuLevelResult) -> tuple[str, ...]:
    return (
        f"{level.cpus:g}",
        level.method,
        number(level.requests_per_second),
        milliseconds(level.latency_seconds.p50),
        milliseconds(level.latency_seconds.p99),
        number(level.cores_used.mean),
        milliseconds(level.cpu_seconds_per_request),
        f"{level.efficiency:.0%}",
        number(level.seconds_to_ready),
        "chosen" if level.chosen else "",
    )


def _cpus(count: float) -> str:
    return "1 CPU is" if count == 1 else f"{count:g} CPUs are"


def growth(profile: Profile) -> Iterator[Figure]:
    """Whether memory grows."""
    found = profile.measurements.growth
    if found.verdict is not None:
        yield Figure("Does memory grow?", _growth_sentence(found))


def _growth_sentence(found: GrowthResult) -> str:
    sentence = f"Memory {_VERDICTS[str(found.verdict)]}"
    if found.bytes_per_1000_requests is not None:
        sentence += f": {found.bytes_per_1000_requests / 1e6:+.2f} MB per 1000 requests"
    low, high = found.lower_bytes_per_1000_requests, found.upper_bytes_per_1000_requests
    if low is not None and high is not None:
        sentence += f" (95 % interval {low / 1e6:+.2f} to {high / 1e6:+.2f})"
    if found.seconds_to_limit is not None:
        sentence += f"; at the recommended rate the limit is reached after {found.seconds_to_limit / 3600:.1f} hours"
    return sentence + f". {found.requests:,} requests were watched." if found.requests else sentence + "."


def verification(profile: Profile) -> Iterator[Figure]:
    """What the server did inside the limits."""
    found = profile.verification
    if found is None:
        return
    columns = ("cores", "memory Mi", "passed", "p95 ms", "p99 ms", "failed", "throttled", "OOM kills", "peak MB")
    table = TableData(columns, tuple(_attempt(attempt) for attempt in found.attempts))
    yield Figure("Inside its own limits", _verification_sentence(found), None, (table,))


def _verification_sentence(found: Verification) -> str:
    verdict = "held" if found.passed else "did not hold"
    evidence = found.evidence
    words = [f"The server was run inside the recommended limits ({found.method}), and it {verdict}."]
    if evidence.p99_ratio is not None:
        words.append(f"Its p99 was {evidence.p99_ratio:.2f} times that of the unlimited run at the same arrivals.")
    shares = {"CPU": evidence.tightness.cpu, "memory": evidence.tightness.memory}
    known = [f"{share:.0%} of the {name}" for name, share in shares.items() if share is not None]
    if known:
        words.append(f"It needed {' and '.join(known)}.")
    words += [found.why_not_enforced] if found.why_not_enforced else []
    words += [_failure(attempt) for attempt in found.attempts if attempt.failures]
    return " ".join(word if word.endswith(".") else f"{word}." for word in words)


def _failure(attempt: VerificationAttempt) -> str:
    limits = f"{attempt.limits.cpu_cores:g} cores and {attempt.limits.memory_bytes // MEBIBYTE} Mi"
    return f"Inside {limits}: {'; '.join(attempt.failures)}"


def _attempt(attempt: VerificationAttempt) -> tuple[str, ...]:
    latency, answered = attempt.latency_seconds, attempt.requests is not None and attempt.successes is not None
    return (
        f"{attempt.limits.cpu_cores:g}",
        str(attempt.limits.memory_bytes // MEBIBYTE),
        "yes" if attempt.passed else "no",
        milliseconds(latency.p95),
        milliseconds(latency.p99),
        f"{(attempt.requests or 0) - (attempt.successes or 0):,}" if answered else UNKNOWN,
        UNKNOWN if attempt.throttled_share is None else f"{attempt.throttled_share:.0%}",
        UNKNOWN if attempt.oom_kills is None else str(attempt.oom_kills),
        UNKNOWN if attempt.memory_peak_bytes is None else f"{attempt.memory_peak_bytes / 1e6:.0f}",
    )
