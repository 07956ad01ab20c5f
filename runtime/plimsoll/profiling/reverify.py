"""The second step of a pipeline: a profile that exists is tried out on a machine or in a container of its own.

Inside a container with limits those are taken for the recommended ones; elsewhere the limits are made here as after a
profile. The load is the same as then, arrival by arrival.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from plimsoll.errors import UsageError
from plimsoll.host.cgroup import find_cgroup
from plimsoll.host.cpus import Host
from plimsoll.host.groups import LimitedGroup
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.answer.grade import grade, verification_reason
from plimsoll.profiling.answer.unknown import explain
from plimsoll.profiling.answer.verification import build_verification
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.load.client import DriverClient, RowAnswer
from plimsoll.profiling.measure.server import Stopwatch
from plimsoll.profiling.options import ProfileOptions, Progress
from plimsoll.profiling.phases.census import RowCost, rows_for_load
from plimsoll.profiling.phases.trial import Enclosure, try_out
from plimsoll.profiling.phases.trials import Reference, Trial, Trials
from plimsoll.profiling.phases.verify import enforcement, limited_group, method_of
from plimsoll.profiling.result.files import write_profile
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.run import prepare, terminable
from plimsoll.profiling.session import Session

# The driver and this process share a container's quota and memory with the server.
_OUR_CORES, _OUR_BYTES = 0.25, 256 << 20


def verify_profile(options: ProfileOptions, path: Path, progress: Progress) -> Profile:
    """Runs the server inside the recommended limits and writes the profile with the result to the output folder.

    Raises UsageError for a file that is no profile or has no recommendation, DatasetError, and what else stops a run.
    """
    profile = read_profile(path)
    reference = _reference(profile, path)
    advice = profile.recommendation
    options = options.configured(Configuration(advice.workers, advice.threads, advice.max_batch_size))
    options = dataclasses.replace(options, seed=profile.driver.seed)
    findings = prepare(options)
    _fill_census(findings, profile)
    with terminable():
        _try(findings, profile, reference, progress)
    result = _with_verification(profile, findings)
    write_profile(result, options.output_dir)
    return result


def read_profile(path: Path) -> Profile:
    """A `profile.json`; raises UsageError."""
    try:
        return Profile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place_in_file = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError(f"{path}: not a profile of this version: {place_in_file}: {first['msg']}") from error


def _reference(profile: Profile, path: Path) -> Reference:
    levels, startup = profile.measurements.rate_levels, profile.measurements.startup
    if not levels or profile.recommendation.cpu is None or profile.recommendation.memory is None:
        raise UsageError(f"{path}: holds no recommendation with a measured rate that could be verified")
    level = levels[-1]
    failing = bool(profile.measurements.rows.failed)
    return Reference(
        rate_rps=level.target_requests_per_second,
        seconds=level.offered / level.target_requests_per_second,
        p95_s=level.latency_seconds.p95,
        p99_s=level.latency_seconds.p99,
        achieved_rps=level.requests_per_second,
        failures=0 if failing else level.requests - level.successes,
        seconds_to_ready=startup.seconds_to_ready or 0.0,
        start_cpu_s=startup.cpu_seconds or 0.0,
    )


def _fill_census(findings: Findings, profile: Profile) -> None:
    failed = {row.row: row for row in profile.measurements.rows.failed}
    heavy = {row.row: row for row in profile.measurements.rows.heaviest}
    for index, row in enumerate(findings.dataset.rows):
        known, outcome = heavy.get(row.number), failed[row.number].outcome if row.number in failed else "200"
        answer = RowAnswer(outcome, known.latency_seconds if known else 0.0, 0)
        cpu_s, peak_bytes = (known.cpu_seconds, known.peak_memory_bytes) if known else (0.0, None)
        findings.census.rows[index] = RowCost(index, answer, cpu_s, peak_bytes)
    findings.loaded_rows = rows_for_load(findings.census, len(findings.dataset.rows))


def _try(findings: Findings, profile: Profile, reference: Reference, progress: Progress) -> None:
    options, recommended = findings.options, profile.recommendation
    if recommended.cpu is None or recommended.memory is None:
        return
    with (
        DriverClient(options.output_dir / "driver.log", findings.placement.driver) as driver,
        _enclosure(findings.host, recommended.cpu.request_cores, recommended.memory.limit_bytes, reference) as (
            trials,
            enclosure,
        ),
    ):
        attempt = Trial(trials.method, recommended.cpu.request_cores, recommended.memory.limit_bytes)
        trials.attempts.append(attempt)
        findings.verification = trials
        session = Session(findings, progress, driver, Stopwatch(options.budget_s))
        try_out(session, attempt, reference, enclosure)


@contextlib.contextmanager
def _enclosure(host: Host, cores: float, size_bytes: int, reference: Reference) -> Iterator[tuple[Trials, Enclosure]]:
    if is_inside(host, cores, size_bytes):
        yield Trials("container", reference), Enclosure(_own_group(), joins=False)
        return
    with enforcement() as (delegation, why_not), limited_group(delegation, 0) as group:
        yield Trials(method_of(delegation), reference, why_not_enforced=why_not), Enclosure(group)


def is_inside(host: Host, cores: float, size_bytes: int) -> bool:
    """Whether this process runs inside about these limits; what the profiler itself needs may come on top."""
    quota, memory_bytes = host.cpu_limit_cores, host.memory_limit_bytes
    return (
        quota is not None
        and memory_bytes is not None
        and quota <= cores + _OUR_CORES
        and memory_bytes <= size_bytes + _OUR_BYTES
    )


def _own_group() -> LimitedGroup | None:
    own = find_cgroup()
    if own.cpu is None or own.memory is None or own.cpu_version is None:
        return None
    return LimitedGroup(own.cpu_version, own.cpu, own.memory)


def _with_verification(profile: Profile, findings: Findings) -> Profile:
    verification = build_verification(findings)
    reasons = [verification_reason(findings), *profile.grade_reasons[1:]]
    kept = {path: why for path, why in profile.unknown.items() if not path.startswith("verification")}
    part = {"verification": verification.model_dump(mode="json", by_alias=True) if verification else None}
    return profile.model_copy(
        update={
            "verification": verification,
            "grade": grade(findings),
            "grade_reasons": reasons,
            "unknown": kept | explain(part, findings),
        }
    )
