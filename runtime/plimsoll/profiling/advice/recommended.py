"""What is recommended, as one value: it is tried out as it stands, raised where it failed, and written."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.cpu import CpuAnswer
from plimsoll.profiling.advice.memory import MemoryAnswer, growth_room_bytes
from plimsoll.profiling.advice.rounding import next_cores, round_up_memory
from plimsoll.profiling.result.profile import CpuRecommendation, MemoryRecommendation

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_RECYCLING_VARIABLE = "PLIMSOLL_MAX_REQUESTS"
_MORE_MEMORY, _MORE_MEMORY_BYTES = 1.2, 100_000_000


@dataclass(frozen=True, slots=True)
class Recommended:
    """`elastic`: the model spreads one request over all cores it sees. `leak_bytes` is how much it grows per request.

    None is what was not measured. `gpu_variables` hold a server to its part of a GPU.
    """

    configuration: Configuration
    cpu: CpuAnswer | None = None
    memory: MemoryAnswer | None = None
    elastic: bool = False
    leak_bytes: float | None = None
    gpu_variables: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Thread counts that go with the cores, the recycling that memory growth asks for, the share of a GPU."""
        variables = dict(self.gpu_variables)
        if self.elastic and self.cpu is not None:
            share = str(max(1, int(self.cpu.cores.limit_cores // self.configuration.workers)))
            variables |= dict.fromkeys(_THREAD_VARIABLES, share)
        if self.leak_bytes and self.memory is not None:
            calls = growth_room_bytes(self.memory.base_bytes) / self.leak_bytes / self.configuration.workers
            variables[_RECYCLING_VARIABLE] = str(max(1, int(calls)))
        return variables

    def with_more_memory(self) -> Recommended:
        return dataclasses.replace(self, memory=raised_memory(self.memory) if self.memory else None)

    def with_more_cpu(self, max_cores: float | None) -> Recommended:
        """One step up, not above what is allowed."""
        return dataclasses.replace(self, cpu=raised_cpu(self.cpu, max_cores) if self.cpu else None)


def raised_memory(answer: MemoryAnswer) -> MemoryAnswer:
    """A fifth more, at least 100 MB: what the vertical pod autoscaler adds after an OOM kill."""
    size = answer.size
    more = round_up_memory(max(size.request_bytes * _MORE_MEMORY, size.request_bytes + _MORE_MEMORY_BYTES))
    reason = f"{size.reason} Raised, as the server did not get by with {size.request_bytes / 1e6:.0f} MB."
    return dataclasses.replace(answer, size=MemoryRecommendation(request_bytes=more, limit_bytes=more, reason=reason))


def raised_cpu(answer: CpuAnswer, max_cores: float | None) -> CpuAnswer:
    """The next step, not above what is allowed."""
    before = answer.cores
    cores = next_cores(before.request_cores)
    cores = cores if max_cores is None else min(cores, max_cores)
    reason = f"{before.reason} Raised, as with {before.request_cores:g} cores the server was too slow."
    limit_cores = float(math.ceil(max(cores, 1.0)))
    return dataclasses.replace(
        answer, cores=CpuRecommendation(request_cores=cores, limit_cores=limit_cores, reason=reason)
    )
