"""Medians and spread over the rounds, and ratios to the base, which are formed within a round: there the machine is
the same for both.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.sample import Sample


@dataclass(frozen=True, slots=True)
class Figure:
    """`quiet`: whether nobody disturbed any of the rounds; `base_quiet`: nor those of the base.

    `to_base` is None for the base itself, and where it was not measured.
    """

    median: float
    least: float
    most: float
    quiet: bool
    to_base: float | None
    base_quiet: bool


class Summary:
    """Figures by peer, workload, connections and name; `base` is the peer that the others are compared with."""

    def __init__(self, samples: Iterable[Sample], base: str) -> None:
        self._samples = list(samples)
        self._base = base

    def figure(self, peer: str, workload: str, connections: int, name: str) -> Figure | None:
        """None where it was not measured."""
        found = self._rounds(peer, workload, connections, name)
        if not found:
            return None
        values = {number: sample.figures[name] for number, sample in found.items()}
        base = self._rounds(self._base, workload, connections, name) if peer != self._base else {}
        ratios = [values[number] / base[number].figures[name] for number in values.keys() & base.keys()]
        return Figure(
            statistics.median(values.values()),
            min(values.values()),
            max(values.values()),
            all(sample.quiet for sample in found.values()),
            statistics.median(ratios) if ratios else None,
            all(sample.quiet for sample in base.values()),
        )

    def has(self, workload: str, connections: int, names: Sequence[str]) -> list[str]:
        """Those of the names that any peer has a figure for."""
        return [
            name
            for name in names
            if any(
                (one.workload, one.connections) == (workload, connections) and name in one.figures
                for one in self._samples
            )
        ]

    def _rounds(self, peer: str, workload: str, connections: int, name: str) -> dict[int, Sample]:
        wanted = (peer, workload, connections)
        return {
            one.round: one
            for one in self._samples
            if (one.peer, one.workload, one.connections) == wanted and name in one.figures
        }
