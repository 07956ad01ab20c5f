"""Progress: plain lines into a log, bars on a terminal."""

from __future__ import annotations

import io

from rich.console import Console
from rich.progress import Progress

from plimsoll.reports.progress import BarProgress, open_progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_log_gets_one_plain_line_per_phase() -> None:
    stream = io.StringIO()
    with open_progress(stream) as progress:
        progress.phase("census", 13.4)
        progress.advance(1.0)
        progress.phase("capacity", 20.0)
        progress.note("two rows failed")
    assert stream.getvalue().splitlines() == [
        "profile: census (up to about 13 s)",
        "profile: capacity (up to about 20 s)",
        "profile: two rows failed",
    ]


def test_a_terminal_gets_bars() -> None:
    stream = Terminal()
    with open_progress(stream) as progress:
        progress.phase("census", 1.0)
        progress.advance(0.5)
        progress.phase("capacity", 2.0)
        progress.note("two rows [failed]")
    assert "census" in stream.getvalue()
    assert "capacity" in stream.getvalue()
    assert "two rows [failed]" in stream.getvalue()


def test_a_bar_is_full_only_when_the_next_phase_begins() -> None:
    bars = Progress(console=Console(file=io.StringIO()))
    progress = BarProgress(bars)
    progress.advance(1.0)
    progress.phase("census", 10.0)
    progress.advance(50.0)
    assert bars.tasks[0].completed < 10.0
    progress.phase("capacity", 0.0)
    assert bars.tasks[0].finished
    progress.finish()
    assert bars.tasks[1].finished
