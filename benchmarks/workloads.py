"""The workloads: what is sent, to how many slots, over how many connections, and what the answer must be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from benchmarks import digits
from benchmarks.served import work

Kind = Literal["load", "stream", "start"]
Extra = Literal["memory", "memory later", "probe"]


@dataclass(frozen=True, slots=True)
class Workload:
    """`extras`: the figures beyond throughput, latency and CPU that this workload is there for."""

    name: str
    title: str
    request_bytes: int = 100
    slots: int = 1
    connections: tuple[int, ...] = (32,)
    kind: Kind = "load"
    extras: frozenset[Extra] = frozenset()
    in_short_run: bool = True

    def payload(self, number: int) -> Any:
        """Text of `request_bytes` plus `number` characters, so that no two are the same; for the digits rows."""
        if self.name == "digits":
            return digits.rows(number)
        return f"{number:08d}" + work.text_of(self.request_bytes + number - 8)

    def expected(self, number: int) -> Any:
        """What the model makes of that payload, in the form that a peer's adapter reads from its answer."""
        match self.name:
            case "echo":
                return self.payload(number)
            case "digits":
                return digits.predictions(number)
            case "answer-1m":
                return work.ANSWER
            case "stream":
                return work.CHUNK * work.CHUNKS
        return len(self.payload(number))


_MEMORY: frozenset[Extra] = frozenset({"memory"})
_LATER: frozenset[Extra] = frozenset({"memory", "memory later"})

WORKLOADS = (
    Workload("echo", "Echo of 100 bytes", connections=(1, 32, 256), extras=_MEMORY),
    Workload("digits", "Digits classifier on ONNX Runtime"),
    Workload("body-600k", "Request body of 600 KB", 600_000, connections=(1, 32), extras=_LATER),
    Workload("body-10m", "Request body of 10 MB", 10_000_000, connections=(1, 8), extras=_LATER, in_short_run=False),
    Workload("answer-1m", "Answer of 1 MB", in_short_run=False),
    Workload("sleep-20ms", "20 ms model that releases the GIL, 4 slots", slots=4),
    Workload("gil-5ms", "5 ms model that holds the GIL, and health probes", extras=frozenset({"probe"})),
    Workload("single", "2 ms + 0.5 ms per item, one by one", in_short_run=False),
    Workload("batched", "2 ms + 0.5 ms per item, in batches of up to 32", in_short_run=False),
    Workload("stream", "Stream of 100 chunks", connections=(1, 32), kind="stream", in_short_run=False),
    Workload("loading", "Start with a model that loads for 3 s", connections=(), kind="start"),
)
BY_NAME = {workload.name: workload for workload in WORKLOADS}
