"""Environment variables that belong to a recommendation; it is also verified with them."""

from __future__ import annotations

import math

from plimsoll.backends.gpu import SHARE
from plimsoll.profiling.advice.memory import growth_room_bytes
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import decide_gpu
from plimsoll.workers.gpu_shares import share_bytes

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_RECYCLING_VARIABLE = "PLIMSOLL_MAX_REQUESTS"


def gpu_environment(findings: Findings) -> dict[str, str]:
    """Growth where the framework would else take the whole card, and what each worker's model may allocate."""
    answer = decide_gpu(findings).answer
    if answer is None:
        return {}
    variables = dict(findings.gpu.growth)
    if answer.memory_bytes is not None:
        sharing = math.ceil(findings.configuration().workers / answer.count)
        variables[SHARE] = str(share_bytes(answer.memory_bytes, sharing))
    return variables


def environment(findings: Findings) -> dict[str, str]:
    """Thread counts that go with the size, the recycling that memory growth asks for, the share of a GPU."""
    variables = gpu_environment(findings)
    cpu, growth = findings.cpu, findings.growth
    if findings.elastic() and cpu is not None:
        share = str(max(1, int(cpu.limit_cores // findings.configuration().workers)))
        variables |= dict.fromkeys(_THREAD_VARIABLES, share)
    if growth is not None and growth.verdict == "growing" and growth.bytes_per_request and findings.memory is not None:
        room_bytes = growth_room_bytes(findings.memory.base_bytes)
        calls = room_bytes / growth.bytes_per_request / findings.configuration().workers
        variables[_RECYCLING_VARIABLE] = str(max(1, int(calls)))
    return variables
