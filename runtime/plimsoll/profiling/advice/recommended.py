"""What is recommended, as one value: it is tried out as it stands, changed by what trials show, and written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.cpu import CpuAnswer
from plimsoll.profiling.advice.memory import MemoryAnswer, growth_room_bytes, recommend_memory
from plimsoll.profiling.advice.rounding import next_cores, round_up_memory
from plimsoll.profiling.result.verification import Limits

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_RECYCLING_VARIABLE = "PLIMSOLL_MAX_REQUESTS"
_MORE_MEMORY, _MORE_MEMORY_BYTES = 1.2, 100_000_000


@dataclass(frozen=True, slots=True)
class Recommended:
    """`library_threads`: of each worker, for a model that spreads one request over all cores it sees; else None.

    `leak_bytes` is how much the server grows per request. None is what was not measured. `variables` are what else the
    environment must hold, such as a server's part of a GPU.
    """

    configuration: Configuration
    cpu: CpuAnswer | None = None
    memory: MemoryAnswer | None = None
    library_threads: int | None = None
    leak_bytes: float | None = None
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def operating_rps(self) -> float:
        """What one replica is meant to carry; 0 where there is no answer."""
        return self.cpu.operating_rps if self.cpu else 0.0

    @property
    def limits(self) -> Limits:
        """What a server is run inside to prove it; 0 cores where there is no answer."""
        return Limits(
            cpu_cores=self.cpu.cores.limit_cores if self.cpu else 0.0,
            memory_bytes=self.memory.size.limit_bytes if self.memory else None,
        )

    @property
    def request_cores(self) -> float:
        """The share of a full node; 0 where there is no answer."""
        return self.cpu.cores.request_cores if self.cpu else 0.0

    def environment(self) -> dict[str, str]:
        """Thread counts that go with the cores, the recycling that memory growth asks for, the share of a GPU."""
        variables = dict(self.variables)
        if self.library_threads is not None:
            variables |= dict.fromkeys(_THREAD_VARIABLES, str(self.library_threads))
        if self.leak_bytes and self.memory is not None:
            calls = growth_room_bytes(self.memory.base_bytes) / self.leak_bytes / self.configuration.workers
            variables[_RECYCLING_VARIABLE] = str(max(1, int(calls)))
        return variables

    def with_peak(self, peak_bytes: int) -> Recommended:
        """With memory for this peak, where what is recommended was made of lower ones."""
        memory = self.memory
        if memory is None or self.leak_bytes or peak_bytes <= memory.need_bytes:
            return self
        return dataclasses.replace(self, memory=recommend_memory(0, peak_bytes, None))

    def with_more_memory(self) -> Recommended:
        """A fifth more, at least 100 MB: what the vertical pod autoscaler adds after an OOM kill."""
        if self.memory is None:
            return self
        size = self.memory.size
        more = round_up_memory(max(size.request_bytes * _MORE_MEMORY, size.request_bytes + _MORE_MEMORY_BYTES))
        reason = f"{size.reason} Raised, as {size.request_bytes / 1e6:.0f} MB were not enough for the server."
        raised = size.model_copy(update={"request_bytes": more, "limit_bytes": more, "reason": reason})
        return dataclasses.replace(self, memory=dataclasses.replace(self.memory, size=raised))

    def with_limit(self, cores: float) -> Recommended:
        """With another CPU limit; the request comes down where it would be above it."""
        return self._with_cores(limit_cores=cores, request_cores=min(self.request_cores, cores))

    def with_next_limit(self, most_cores: float) -> Recommended | None:
        """With the limit one size up, not above `most_cores`; None where there is none."""
        limit_cores = self.limits.cpu_cores
        return self.with_limit(min(next_cores(limit_cores), most_cores)) if limit_cores < most_cores else None

    def with_request(self, cores: float) -> Recommended:
        """With another CPU request, which says so; the limit goes up where it would be below it."""
        if self.cpu is None:
            return self
        reason = f"{self.cpu.cores.reason} Raised, as on a full node {self.request_cores:g} cores were too few."
        limit_cores = max(self.limits.cpu_cores, cores)
        return self._with_cores(request_cores=cores, limit_cores=limit_cores, reason=reason)

    def _with_cores(self, **changes: Any) -> Recommended:
        if self.cpu is None:
            return self
        cores = self.cpu.cores.model_copy(update=changes)
        return dataclasses.replace(self, cpu=dataclasses.replace(self.cpu, cores=cores))
