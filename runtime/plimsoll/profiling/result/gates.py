"""What became of the gates, in `profile.json`: as people read it, since the numbers themselves are elsewhere in it."""

from __future__ import annotations

from typing import Literal

from plimsoll.profiling.result.base import Model


class GateResult(Model):
    """One gate; `held` is null where there was nothing to decide it by, which fails nothing.

    `bound` is what fails the gate. Against a baseline `before` is its number and `change` relative to that.
    """

    kind: Literal["condition", "baseline", "grade"]
    name: str
    held: bool | None
    sentence: str
    measured: str | None = None
    bound: str | None = None
    before: str | None = None
    change: float | None = None
