"""`resources.yaml`: what goes into a container of a Kubernetes manifest."""

from __future__ import annotations

import json

from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.result.gpu import mig_resource
from plimsoll.profiling.result.profile import Profile


def render_resources(profile: Profile) -> str | None:
    """None where nothing is recommended: there is no manifest then, not even an old one."""
    cpu, memory, replicas = profile.recommendation.cpu, profile.recommendation.memory, profile.recommendation.replicas
    if cpu is None or memory is None:
        return None
    target_rps = profile.settings.target_requests_per_second
    lines = [
        *_comments(f"Profile {profile.name} of {profile.created_time}, grade {profile.grade}."),
        *_comments(cpu.reason),
        *_comments(
            "The request is the share of a full node that sustains the rate; the limit is the smallest quota that keeps"
            " the latency down. Where only one number can be given, as with docker run --cpus, it is the limit."
        ),
        *_comments(memory.reason),
        *_gpu_comments(profile),
        *(_comments(f"Replicas: {replicas} for {target_rps:g} requests/s.") if replicas and target_rps else ()),
        "resources:",
        "  requests:",
        f"    cpu: {_as_text(cpu_quantity(cpu.request_cores))}",
        f"    memory: {memory_quantity(memory.request_bytes)}",
        "  limits:",
        f"    cpu: {_as_text(cpu_quantity(cpu.limit_cores))}",
        f"    memory: {memory_quantity(memory.limit_bytes)}",
        *_gpu_limit(profile),
    ]
    return "\n".join([*lines, *_environment(profile)]) + "\n"


def _environment(profile: Profile) -> list[str]:
    """What the limits were measured with, so that they are also served with it."""
    recommendation = profile.recommendation
    counts = {"PLIMSOLL_WORKERS": str(recommendation.workers), "PLIMSOLL_THREADS": str(recommendation.threads)}
    if recommendation.max_batch_size is not None:
        counts["PLIMSOLL_MAX_BATCH_SIZE"] = str(recommendation.max_batch_size)
    pairs = (counts | recommendation.environment).items()
    return [
        "env:",
        *(line for name, value in pairs for line in (f"  - name: {name}", f"    value: {json.dumps(value)}")),
    ]


def _gpu_comments(profile: Profile) -> list[str]:
    gpu = profile.recommendation.gpu
    if gpu is None:
        return []
    lines = _comments(gpu.reason)
    if gpu.mig_profile and gpu.resource != mig_resource(gpu.mig_profile):
        lines += _comments(
            f"On nodes with MIG a slice has room for it: {mig_resource(gpu.mig_profile)} instead of {gpu.resource}. "
            "Profile on the slice first: it computes more slowly."
        )
    return lines


def _gpu_limit(profile: Profile) -> list[str]:
    """A request of the same is implied; GPUs come whole, their memory cannot be asked for."""
    gpu = profile.recommendation.gpu
    return [f'    {gpu.resource}: "{gpu.count}"'] if gpu else []


def cpu_quantity(cores: float) -> str:
    """`1250m`, or whole cores: `2`."""
    return f"{cores:g}" if cores == int(cores) else f"{round(cores * 1000)}m"


def memory_quantity(size_bytes: int) -> str:
    """`256Mi`, rounded up: a byte less than was measured would be too little."""
    return f"{-(-size_bytes // MEBIBYTE)}Mi"


def _as_text(quantity: str) -> str:
    """Whole cores in quotes: YAML must not make a number of them."""
    return json.dumps(quantity) if quantity.isdecimal() else quantity


def _comments(text: str) -> list[str]:
    """Names are the user's: a line break in one must not end the comment."""
    return ["# " + " ".join(text.split())]
