"""Environment variables that hold a server to the GPU memory that is recommended."""

from __future__ import annotations

import math

from plimsoll.backends.gpu import SHARE
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.decision import decide_gpu
from plimsoll.workers.gpu_shares import share_bytes


def gpu_environment(findings: Findings) -> dict[str, str]:
    """Growth where the framework would else take the whole card, and what each worker's model may allocate."""
    answer = decide_gpu(findings).answer
    if answer is None:
        return {}
    variables = dict(findings.gpu.growth)
    if answer.memory_bytes is not None:
        sharing = math.ceil(findings.shape().workers / answer.count)
        variables[SHARE] = str(share_bytes(answer.memory_bytes, sharing))
    return variables
