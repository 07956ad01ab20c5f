"""The servers of the storm: their flags, what is sent to them, what happens to them."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storm.faults import FRONT_FAULTS, SCORING_TIMEOUT_S, WORKER_FAULTS, Fault
from storm.injector import LONG, Pauses

LANES = 24
BATCH = 16
"""As scripts/batched.py says."""
_SCRIPTS = Path(__file__).with_name("scripts")
_GRACE_S = 3


@dataclass(frozen=True, slots=True)
class Shape:
    """A server, and what happens to it. `ending` is the signal that it ends by."""

    name: str
    workers: int = 2
    threads: int = 1
    batched: bool = False
    faults: Mapping[str, Fault] = field(default_factory=dict)
    departures: float = 0.02
    only: tuple[str, ...] = ()
    """Kinds of requests, where it is not the whole mix."""
    lanes: int = LANES
    pauses: Pauses = LONG
    ending: signal.Signals = signal.SIGTERM
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def flags(self) -> list[str]:
        timeout_ms = round(SCORING_TIMEOUT_S * 1000)
        limits = ["--scoring-timeout-ms", str(timeout_ms), "--grace-seconds", str(_GRACE_S)]
        return ["--workers", str(self.workers), "--threads", str(self.threads), *limits]

    @property
    def per_death(self) -> int:
        """Calls that run in one worker at a time."""
        return self.threads * (BATCH if self.batched else 1)


_EXACT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Has glibc give back what is freed. Left alone it keeps as much as the largest bodies of late were long, which comes
and goes by 5 and 10 MB and hides what grows."""

SHAPES = (
    Shape("calm", environment=_EXACT_MEMORY),
    Shape("workers", faults=WORKER_FAULTS),
    Shape("threads", threads=4, faults=WORKER_FAULTS),
    Shape("batches", batched=True, faults=WORKER_FAULTS),
    Shape("front", faults=FRONT_FAULTS, ending=signal.SIGKILL),
    Shape("calm threads", threads=4, environment=_EXACT_MEMORY),
    Shape("calm batches", batched=True, environment=_EXACT_MEMORY),
)


def prepared(folder: Path, *, batched: bool = False) -> Path:
    """The storm's score.py, in a folder of its own."""
    shutil.copytree(_SCRIPTS, folder, dirs_exist_ok=True)
    return folder / ("batched.py" if batched else "plain.py")
