"""What one visit to one server brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """`connections` is 0 for figures of no load. `disturbance`: the share of the machine that others used."""

    peer: str
    workload: str
    connections: int
    round: int
    figures: Mapping[str, float]
    disturbance: float
    quiet: bool
    attempts: int

    def __str__(self) -> str:
        figures = ", ".join(f"{name} {value:.4g}" for name, value in self.figures.items())
        noise = "" if self.quiet else f" (disturbed: others had {self.disturbance:.0%} of the machine)"
        return f"{self.workload} {self.round} {self.peer} {self.connections}: {figures}{noise}"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a peer has no figures for a workload; None for the workload: for all of them. `known`: by its adapter."""

    peer: str
    workload: str | None
    reason: str
    known: bool = False

    def __str__(self) -> str:
        return f"{self.workload or 'every workload'} {self.peer}: {self.reason}"
