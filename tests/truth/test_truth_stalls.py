"""Scripts that stand still, and scripts that do not: every stall is named, nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from truth_servers import (
    BATCHES,
    BURN,
    COLD_FIRST_CALLS,
    EXPONENTIAL,
    ONE_ROW_200_TIMES,
    SLEEP_20_MS,
    STALL_EVERY_5_S,
    run,
)

from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.result.stalls import StallResult

pytestmark = [pytest.mark.truth, pytest.mark.calibration, pytest.mark.timeout(400)]
ROWS = [f"row {number}" for number in range(12)]
ONE_MS = BURN + "def run(data): burn(0.001)\n"


def seen_most_often(result: Profile) -> StallResult:
    return max(result.measurements.stalls, key=lambda stall: stall.count)


def test_half_a_second_every_five_at_default(
    tmp_path: Path, enter: Callable[..., None], note: Callable[[str], None]
) -> None:
    result = run(tmp_path / "default", STALL_EVERY_5_S, ROWS, 180.0)
    stall = seen_most_often(result)
    note(f"at default: {'; '.join(stall.sentence() for stall in result.measurements.stalls)}")
    enter("length of a stall of 0.5 s", 0.5, stall.length_seconds, "s", 0.2)
    assert stall.period_seconds is not None, stall.period_reason
    enter("period of a stall every 5 s", 5.0, stall.period_seconds, "s", 0.2)
    assert stall.process == "worker"
    assert stall.sentence() in result.grade_reasons


def test_half_a_second_every_five_at_quick(tmp_path: Path, enter: Callable[..., None]) -> None:
    stall = seen_most_often(run(tmp_path / "quick", STALL_EVERY_5_S, ROWS, 45.0))
    enter("length of a stall of 0.5 s, at quick", 0.5, stall.length_seconds, "s", 0.2)


@pytest.mark.parametrize(
    ("script", "rows", "flags"),
    [
        (ONE_MS, ROWS, ()),
        (ONE_MS, ROWS, ("--workers", "2")),
        (SLEEP_20_MS, ROWS, ()),
        (ONE_ROW_200_TIMES, ["heavy", *ROWS], ()),
        (ONE_ROW_200_TIMES, ["heavy", *ROWS], ("--workers", "2")),
        (EXPONENTIAL, ROWS, ()),
        (EXPONENTIAL, ROWS, ("--threads", "4")),
        (BATCHES, ROWS, ()),
        (COLD_FIRST_CALLS, ROWS, ()),
        (COLD_FIRST_CALLS, ROWS, ("--workers", "2")),
    ],
)
def test_none_is_named_where_there_is_none(
    tmp_path: Path, script: str, rows: list[str], flags: tuple[str, ...], note: Callable[[str], None]
) -> None:
    layout = {flags[0].removeprefix("--"): int(flags[1])} if flags else {}
    result = run(tmp_path / "none", script, rows, 20.0, *flags, **layout)
    note(f"no stall: {len(result.measurements.stalls)} named{', ' * bool(flags)}{' '.join(flags)}")
    assert [stall.sentence() for stall in result.measurements.stalls] == []
