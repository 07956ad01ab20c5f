"""What all formats write: the figures of one deployment, each with the reason that becomes its comment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plimsoll.deploy.manifest.accelerator import Accelerator, make_accelerator
from plimsoll.deploy.manifest.boost import make_boost
from plimsoll.deploy.manifest.document import Noted
from plimsoll.deploy.manifest.ending import Ending, make_ending
from plimsoll.deploy.manifest.options import ManifestOptions, name_of
from plimsoll.deploy.manifest.probes import Probes, make_probes
from plimsoll.deploy.manifest.replicas import Replicas, make_replicas
from plimsoll.deploy.needs import ReplicaNeeds
from plimsoll.profiling.advice.configuration import counted
from plimsoll.profiling.result.profile import Profile, SettingsInfo
from plimsoll.reports.kubernetes import cpu_quantity, memory_quantity
from plimsoll.reports.units import milliseconds, number
from plimsoll.settings.serving import ServeSettings
from plimsoll.workers.dispatch.slot import NEXT_S, most_held


@dataclass(frozen=True, slots=True)
class Resources:
    """Quantities as Kubernetes writes them; bytes and cores are in `ReplicaNeeds`."""

    cpu_request: Noted
    cpu_limit: Noted
    memory_request: Noted
    memory_limit: Noted


@dataclass(frozen=True, kw_only=True)
class Values:
    """`environment`: variables of the server, by name; the values are texts.

    `concurrency`: calls under way at once. `boost`: times the requested CPU, for a start that needs more.
    """

    name: str
    needs: ReplicaNeeds
    profile: Profile
    resources: Resources
    accelerator: Accelerator | None
    environment: Mapping[str, Noted]
    annotations: Mapping[str, Noted]
    probes: Probes
    ending: Ending
    replicas: Replicas
    boost: Noted | None
    concurrency: Noted
    headline: str


def make_values(needs: ReplicaNeeds, profile: Profile, options: ManifestOptions) -> Values:
    """Raises UsageError where the options do not fit the profile."""
    probes = make_probes(needs, profile)
    ending = make_ending(needs, probes)
    accelerator = make_accelerator(needs, options)
    return Values(
        name=options.name or name_of(needs.profile_name),
        needs=needs,
        profile=profile,
        resources=_resources(needs, profile),
        accelerator=accelerator,
        environment=_environment(needs, profile.settings, ending, accelerator),
        annotations=_annotations(needs),
        probes=probes,
        ending=ending,
        replicas=make_replicas(needs, profile, options, probes),
        boost=make_boost(needs) if options.startup_boost else None,
        concurrency=_concurrency(needs, profile),
        headline=f"From the profile {needs.profile_name} of {needs.created_time}, grade {needs.grade}.",
    )


def _resources(needs: ReplicaNeeds, profile: Profile) -> Resources:
    cpu, memory = profile.recommendation.cpu, profile.recommendation.memory
    about_memory = memory.reason if memory else ""
    return Resources(
        cpu_request=Noted(
            cpu_quantity(needs.request_cores),
            f"the share of a full node that sustains {number(needs.rate_rps)} requests/s. {cpu.reason if cpu else ''}",
        ),
        cpu_limit=Noted(cpu_quantity(needs.limit_cores), "the smallest quota that keeps the latency down"),
        memory_request=Noted(memory_quantity(needs.request_bytes), about_memory),
        memory_limit=Noted(
            memory_quantity(needs.limit_bytes),
            "beyond it the kernel kills the container's processes; measured as the request was",
        ),
    )


def _environment(
    needs: ReplicaNeeds, profiled: SettingsInfo, ending: Ending, accelerator: Accelerator | None
) -> dict[str, Noted]:
    """What the limits were measured with, so that they are also served with it."""
    found = {
        "PLIMSOLL_WORKERS": Noted(str(needs.workers), "processes with the model, as profiled"),
        "PLIMSOLL_THREADS": Noted(str(needs.threads), "calls at a time in each of them, as profiled"),
    }
    if needs.max_batch_size is not None:
        found["PLIMSOLL_MAX_BATCH_SIZE"] = Noted(str(needs.max_batch_size), "calls in one batch, as profiled")
    if accelerator is not None:
        found["PLIMSOLL_GPU"] = Noted("required", "a replica that would fall back to the CPU ends instead")
    if profiled.max_queue != ServeSettings.max_queue:
        found["PLIMSOLL_MAX_QUEUE"] = Noted(str(profiled.max_queue), "calls that may wait for a slot, as profiled")
    timeout_ms = round(1000 * profiled.scoring_timeout_seconds)
    if timeout_ms != ServeSettings.scoring_timeout_ms:
        found["PLIMSOLL_SCORING_TIMEOUT_MS"] = Noted(str(timeout_ms), "ms that a call may run, as profiled")
    found |= {name: Noted(value, "what clients speak") for name, value in profiled.contract_variables.items()}
    found |= {name: Noted(value, "as profiled") for name, value in needs.environment.items()}
    found["PLIMSOLL_DRAIN_SECONDS"] = Noted(str(ending.drain.value), ending.drain.reason)
    found["PLIMSOLL_GRACE_SECONDS"] = Noted(str(ending.grace.value), ending.grace.reason)
    return found


def _annotations(needs: ReplicaNeeds) -> dict[str, Noted]:
    """The load line goes with the deployment, and so does the name of the file that it was read from."""
    p99 = f", p99 {milliseconds(needs.p99_s)} ms" if needs.p99_s is not None else ""
    size = f"{number(needs.limit_cores)} cores and {memory_quantity(needs.limit_bytes)}"
    line = f"{number(needs.rate_rps)} requests/s per replica inside {size}{p99}"
    return {
        "plimsoll.load-line": Noted(line, ""),
        "plimsoll.grade": Noted(needs.grade, ""),
        "plimsoll.profile": Noted(needs.profile_name, ""),
        "plimsoll.profile-date": Noted(needs.created_time, ""),
        "plimsoll.profile-sha256": Noted(needs.digest, "of profile.json"),
    }


def _concurrency(needs: ReplicaNeeds, profile: Profile) -> Noted:
    """For whoever queues in front of the server: fewer would leave slots idle between two calls."""
    call_s = profile.measurements.request.latency_seconds.mean or NEXT_S
    held, batch = most_held(call_s), needs.max_batch_size or 1
    return Noted(
        needs.slots * held * batch,
        f"calls: {counted(needs.slots, 'slot')} ({needs.workers} worker(s), {needs.threads} thread(s) each) that"
        f" hold {held} at {milliseconds(call_s)} ms per call{f', in batches of {batch}' if batch > 1 else ''}",
    )
