"""What a step works with: the device, what earlier steps found out, and where to say what it found.

Every line is written at once: what a step said before it was cut off counts.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.gpu.claims import GB, Step
from plimsoll.host.gpu.nvml import Gpu, Nvml


class NotTried(Exception):
    """A claim cannot be tried here; the text says why."""


@dataclass(slots=True)
class Stage:
    """`device` is cuda, cpu (a rehearsal) or stand-in (the tests'); `facts` are figures that later steps need."""

    step: Step
    device: str
    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def on_gpu(self) -> bool:
        return self.device != "cpu"

    def tell(self, key: str, figure: float, why: str = "", command: str = "") -> None:
        self._say(claim=key, figure=float(figure), why=why, command=command)

    def fact(self, name: str, value: Any) -> None:
        self.facts[name] = value
        self._say(fact=name, value=value)

    def wants(self, *keys: str) -> bool:
        """Whether any of these claims can be tried with this device."""
        return any(claim.key in keys and (self.on_gpu or not claim.on_gpu) for claim in self.step.claims)

    @contextlib.contextmanager
    def part(self, *keys: str) -> Iterator[None]:
        """What goes wrong here is why these claims were not tried, as far as they have not been; the rest goes on."""
        try:
            yield
        except Exception as failure:
            why = str(failure) if isinstance(failure, NotTried) else f"{type(failure).__name__}: {failure}"
            for key in keys:
                self._say(claim=key, why=why.strip() or repr(failure), unless_said=True)

    def run(self, parts: dict[tuple[str, ...], Callable[[Stage], None]]) -> None:
        """Each by itself; those that cannot be tried with this device are left out."""
        for keys, work in parts.items():
            if self.wants(*keys):
                with self.part(*keys):
                    work(self)

    @contextlib.contextmanager
    def gpu(self) -> Iterator[tuple[Nvml, Gpu]]:
        """The first one that is visible; raises NvmlMissing."""
        with Nvml.open() as nvml:
            gpus = nvml.gpus()
            if not gpus:
                raise NotTried("; ".join(["the driver shows no GPU", *nvml.troubles]))
            yield nvml, gpus[0]

    def check_room(self, size_bytes: int) -> None:
        """Raises NotTried where less of the card is free, or where nothing is known of it."""
        with self.gpu() as (nvml, gpu):
            used_bytes = nvml.used_bytes(gpu)
            if used_bytes is None or gpu.total_bytes is None:
                raise NotTried("the driver does not report how much memory is free")
            free_bytes = gpu.total_bytes - used_bytes
        if free_bytes < size_bytes:
            raise NotTried(f"{free_bytes / GB:.1f} GB of the card are free, and this takes {size_bytes / GB:.1f} GB")

    def _say(self, **line: Any) -> None:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
