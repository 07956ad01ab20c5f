"""The second step of a pipeline: a profile that exists is tried out on a machine or in a container of its own.

Inside a container with limits those are taken for the recommended ones; elsewhere the limits are made here as after a
profile. The load is the same as then, arrival by arrival.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from plimsoll.errors import UsageError
from plimsoll.host.cgroup import find_cgroup
from plimsoll.host.cpus import Host
from plimsoll.host.groups import LimitedGroup
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.answer.grade import grade, verification_reason
from plimsoll.profiling.answer.levels import verification_result
from plimsoll.profiling.dataset.load import Dataset
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.load.client import DriverClient, RowAnswer
from plimsoll.profiling.measure.server import Stopwatch
from plimsoll.profiling.options import ProfileOptions, Progress
from plimsoll.profiling.phases.census import Census, RowCost, load_of
from plimsoll.profiling.phases.trial import (
    Enclosure,
    Method,
    Reference,
    Rehearsal,
    Trial,
    enforcement,
    limited_group,
    try_out,
)
from plimsoll.profiling.phases.verify import Verification, method_of
from plimsoll.profiling.result.files import read_profile, write_profile
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.result.unknown import Reasons
from plimsoll.profiling.run import prepare, terminable
from plimsoll.profiling.session import Session, Setup

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
    setup = prepare(options)
    with terminable():
        found = _try(setup, profile, reference, progress)
    result = _with_verification(profile, Findings(setup, verification=found))
    write_profile(result, options.output_dir)
    return result


def _reference(profile: Profile, path: Path) -> Reference:
    level, startup = profile.measurements.operating_level, profile.measurements.startup
    if level is None or profile.recommendation.cpu is None or profile.recommendation.memory is None:
        raise UsageError(f"{path}: holds no recommendation with a measured rate that could be verified")
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


def _census_of(profile: Profile, dataset: Dataset) -> Census:
    """As far as the profile tells: which rows failed, and what the heaviest cost."""
    failed = {row.row: row for row in profile.measurements.rows.failed}
    heavy = {row.row: row for row in profile.measurements.rows.heaviest}
    rows = {}
    for index, row in enumerate(dataset.rows):
        known, outcome = heavy.get(row.number), failed[row.number].outcome if row.number in failed else "200"
        answer = RowAnswer(outcome, known.latency_seconds if known else 0.0, 0)
        cpu_s, peak_bytes = (known.cpu_seconds, known.peak_memory_bytes) if known else (0.0, None)
        rows[index] = RowCost(index, answer, cpu_s, peak_bytes)
    return Census(rows)


def _try(setup: Setup, profile: Profile, reference: Reference, progress: Progress) -> Verification | None:
    advice, options = profile.recommendation, setup.options
    if advice.cpu is None or advice.memory is None:
        return None
    census = _census_of(profile, setup.dataset)
    rehearsal = Rehearsal(census, load_of(census, len(setup.dataset.rows)), reference)
    cores, limit_bytes = advice.cpu.request_cores, advice.memory.limit_bytes
    with (
        DriverClient(options.output_dir / "driver.log", setup.placement.driver) as driver,
        _enclosure(setup.host, cores, limit_bytes) as (method, why_not, enclosure),
    ):
        trial, recommended = Trial(method, cores, limit_bytes), Recommended(options.configuration)
        session = Session(setup, progress, driver, Stopwatch(options.budget_s))
        try_out(session, trial, recommended, rehearsal, enclosure)
    return Verification(method, reference, recommended, (trial,), why_not)


@contextlib.contextmanager
def _enclosure(host: Host, cores: float, size_bytes: int) -> Iterator[tuple[Method, str | None, Enclosure]]:
    if is_inside(host, cores, size_bytes):
        yield "container", None, Enclosure(_own_group(), joins=False)
        return
    with enforcement() as (delegation, why_not), limited_group(delegation, 0) as group:
        yield method_of(delegation), why_not, Enclosure(group)


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
    verification = verification_result(findings.verification)
    reasons = [verification_reason(findings), *profile.grade_reasons[1:]]
    kept = {path: why for path, why in profile.unknown.items() if not path.startswith("verification")}
    unknown = {"verification": "this phase was not run"}
    if verification is not None:
        unknown = Reasons("it was not measured").of(verification, "verification.")
    return profile.model_copy(
        update={
            "verification": verification,
            "grade": grade(findings),
            "grade_reasons": reasons,
            "unknown": kept | unknown,
        }
    )
