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
from plimsoll.host.cgroups.groups import LimitedGroup, enforcement
from plimsoll.host.cgroups.limits import find_cgroup
from plimsoll.host.children import terminable
from plimsoll.host.cpus import Host
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.cpu import CpuAnswer
from plimsoll.profiling.advice.memory import MemoryAnswer
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.advice.slo import parse_slo
from plimsoll.profiling.answer.grade import grade, verification_reason
from plimsoll.profiling.dataset.rows import Dataset
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.measure.server import Stopwatch
from plimsoll.profiling.options import ProfileOptions, Progress
from plimsoll.profiling.phases.census import load_without
from plimsoll.profiling.phases.open_loop import counted_failures
from plimsoll.profiling.result.files import read_profile, write_profile
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.result.unknown import Reasons
from plimsoll.profiling.result.verification import Limits, Method, Verification
from plimsoll.profiling.session import Session, Setup, prepare
from plimsoll.profiling.trials.judgement import Reference
from plimsoll.profiling.trials.proof import Proof
from plimsoll.profiling.trials.trial import MOST_SAMPLE, Enclosure, Rehearsal, enclosed, method_of
from plimsoll.profiling.trials.verify import Trials

# The driver and this process share a container's quota and memory with the server.
_OUR_CORES, _OUR_BYTES = 0.25, 256 << 20
# What was recommended is tried as it stands.
_NOTHING_LARGER = 0.0


def verify_profile(options: ProfileOptions, path: Path, progress: Progress) -> Profile:
    """Runs the server inside the recommended limits and writes the profile with the result to the output folder.

    Raises UsageError for a file that is no profile or has no recommendation, DatasetError, and what else stops a run.
    """
    profile = read_profile(path)
    reference, recommended = _known(profile, path)
    objective = options.slo or (parse_slo(profile.settings.slo) if profile.settings.slo else None)
    options = options.configured(recommended.configuration)
    recorded = profile.driver.recording is not None
    options = dataclasses.replace(options, seed=profile.driver.seed, slo=objective, recorded=recorded)
    setup = prepare(options)
    with terminable():
        found = _try(setup, recommended, _rehearsal(profile, setup.dataset, reference), progress)
    result = _with_verification(profile, found)
    write_profile(result, options.output_dir)
    return result


def _known(profile: Profile, path: Path) -> tuple[Reference, Recommended]:
    """As it was written; what the recommendation was made of is not known any more."""
    level, startup, advice = profile.measurements.operating_level, profile.measurements.startup, profile.recommendation
    if level is None or advice.cpu is None or advice.memory is None:
        raise UsageError(f"{path}: holds no recommendation with a measured rate that could be verified")
    failing = bool(profile.measurements.rows.failed)
    configuration = Configuration(advice.workers, advice.threads, advice.max_batch_size)
    reference = Reference(
        rate_rps=level.target_requests_per_second,
        window_s=level.offered / level.target_requests_per_second / level.windows,
        windows=level.windows,
        mean_s=level.latency_seconds.mean,
        p95_s=level.latency_seconds.p95,
        p99_s=level.latency_seconds.p99,
        achieved_rps=level.requests_per_second,
        failures=0 if failing else counted_failures(level.outcomes, level.requests - level.successes, level.requests),
        seconds_to_ready=startup.seconds_to_ready or 0.0,
        start_cpu_s=startup.cpu_seconds or 0.0,
        driver_cores=level.driver_cores,
        parallel=min(configuration.slots, level.cpus),
    )
    cpu, memory = CpuAnswer(advice.cpu), MemoryAnswer(advice.memory)
    return reference, Recommended(configuration, cpu, memory, variables=advice.environment)


def _rehearsal(profile: Profile, dataset: Dataset, reference: Reference) -> Rehearsal:
    """Of the rows that did not fail then: those known to be heavy, and a sample."""
    indexes = {row.number: index for index, row in enumerate(dataset.rows)}
    rows = profile.measurements.rows
    load = load_without({indexes[row.row]: row.outcome for row in rows.failed if row.row in indexes}, len(dataset.rows))
    sound = [index for index in range(len(dataset.rows)) if index not in load.known_failing]
    heavy = {indexes[row.row]: row for row in rows.heaviest if indexes.get(row.row) in sound}
    peaks_bytes = {index: row.peak_memory_bytes or 0 for index, row in heavy.items()}
    alone = {index: row.latency_seconds for index, row in heavy.items()}
    alone |= dict.fromkeys((index for index in sound[:MOST_SAMPLE] if index not in heavy), 0.0)
    return Rehearsal(alone, max(sound, key=lambda index: peaks_bytes.get(index, 0), default=None), load, reference)


def _try(setup: Setup, recommended: Recommended, rehearsal: Rehearsal, progress: Progress) -> Verification | None:
    options = setup.options
    with (
        DriverClient(options.output_dir / "driver.log", setup.placement.driver) as driver,
        _enclosure(setup, recommended.limits) as (method, why_not, enclosure),
    ):
        session = Session(setup, progress, driver, Stopwatch(options.budget_s))
        reference = dataclasses.replace(rehearsal.reference, alone=enclosure.enforced)
        rehearsal = dataclasses.replace(rehearsal, reference=reference)
        found = Trials(method, reference, recommended, why_not)
        proof = Proof(session, recommended, rehearsal, enclosure, _NOTHING_LARGER)
        for trial in proof.trials():
            found = found.after(trial, proof)
    return found.result


@contextlib.contextmanager
def _enclosure(setup: Setup, limits: Limits) -> Iterator[tuple[Method, str | None, Enclosure]]:
    if is_inside(setup.host, limits):
        yield "container", None, Enclosure(_own_group(), joins=False)
        return
    with (
        enforcement() as (delegation, why_not),
        enclosed(delegation, "0", len(setup.server_cpus)) as enclosure,
    ):
        yield method_of(delegation), why_not, enclosure


def is_inside(host: Host, limits: Limits) -> bool:
    """Whether this process runs inside about these limits; what the profiler itself needs may come on top."""
    quota, memory_bytes = host.cpu_limit_cores, host.memory_limit_bytes
    return (
        quota is not None
        and memory_bytes is not None
        and quota <= limits.cpu_cores + _OUR_CORES
        and memory_bytes <= (limits.memory_bytes or 0) + _OUR_BYTES
    )


def _own_group() -> LimitedGroup | None:
    own = find_cgroup()
    if own.cpu is None or own.memory is None or own.cpu_version is None:
        return None
    return LimitedGroup(own.cpu_version, own.cpu, own.memory)


def _with_verification(profile: Profile, found: Verification | None) -> Profile:
    kept = {path: why for path, why in profile.unknown.items() if not path.startswith("verification")}
    unknown = {"verification": "this phase was not run"}
    if found is not None:
        unknown = Reasons("it was not measured").of(found, "verification.")
    return profile.model_copy(
        update={
            "verification": found,
            "grade": grade(found),
            "grade_reasons": [verification_reason(found), *profile.grade_reasons[1:]],
            "unknown": kept | unknown,
        }
    )
