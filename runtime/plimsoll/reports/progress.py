"""How far a profile has got: bars on a terminal, elsewhere one plain line per phase. On stderr, never on stdout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from plimsoll.profiling.options import Progress as ProfileProgress


class PlainProgress:
    """For logs: a line when a phase begins, none while it runs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def phase(self, name: str, total_s: float) -> None:
        """Announces the phase with its expected time."""
        self._write(f"profile: {name} (up to about {total_s:.0f} s)")

    def advance(self, elapsed_s: float) -> None:
        """A log gets no lines while a phase runs."""

    def note(self, text: str) -> None:
        self._write(f"profile: {text}")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


class BarProgress:
    """For a terminal: a bar per phase; a phase that ends early is full all the same."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None

    def phase(self, name: str, total_s: float) -> None:
        """The last bar is filled: its phase may have ended early."""
        self.finish()
        self._task = self._bars.add_task(name, total=max(total_s, 0.001))

    def advance(self, elapsed_s: float) -> None:
        """Moves the bar; not to its end, as only the next phase shows that this one is over."""
        if self._task is not None:
            total_s = self._bars.tasks[self._task].total or elapsed_s
            self._bars.update(self._task, completed=min(elapsed_s, 0.99 * total_s))

    def note(self, text: str) -> None:
        """Printed above the bars, which stay at the bottom."""
        self._bars.console.print(text, markup=False, highlight=False)

    def finish(self) -> None:
        """Fills and stops the current bar, also where its phase ended early."""
        if self._task is not None:
            self._bars.update(self._task, completed=self._bars.tasks[self._task].total)
            self._bars.stop_task(self._task)


@contextmanager
def open_progress(stream: TextIO) -> Iterator[ProfileProgress]:
    """Bars if `stream` is a terminal, plain lines if not."""
    console = Console(file=stream)
    if not console.is_terminal:
        yield PlainProgress(stream)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description:<10}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bars:
        progress = BarProgress(bars)
        yield progress
        progress.finish()
