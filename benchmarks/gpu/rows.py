"""What became of a claim: a figure that holds or does not, or why it was not tried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.gpu.claims import Claim, Step

HELD, NO_GPU, FAILED = 0, 3, 1


@dataclass(frozen=True, slots=True)
class Row:
    """`figure` is None where the claim was not tried, and `why` says why; with one, `why` is what to know about it."""

    claim: Claim
    figure: float | None
    why: str
    command: str

    @property
    def held(self) -> bool | None:
        """None where it was not tried."""
        return None if self.figure is None else self.claim.bound.holds(self.figure)


def rows_of(step: Step, found: Iterable[dict[str, object]], unsaid: str, command: str) -> list[Row]:
    """One for each claim, whatever the step said: `unsaid` is why it said nothing of a claim."""
    said: dict[str, dict[str, object]] = {}
    for line in found:
        key = str(line.get("claim"))
        if not (line.get("unless_said") and key in said):
            said[key] = line
    return [_row(claim, said.get(claim.key, {}), unsaid, command) for claim in step.claims]


def _row(claim: Claim, said: dict[str, object], unsaid: str, command: str) -> Row:
    figure = said.get("figure")
    number = float(figure) if isinstance(figure, int | float) else None
    why = str(said.get("why", "" if number is not None else unsaid))
    return Row(claim, number, why, str(said.get("command") or command))


def exit_code(rows: Sequence[Row], *, on_gpu: bool) -> int:
    """Without a GPU nothing is proved, also where everything that could be tried held."""
    tried = [row.held for row in rows]
    if not on_gpu:
        return FAILED if False in tried else NO_GPU
    return HELD if rows and all(tried) else FAILED
