"""The table of errors: each test enters what is true and what was measured, the end of the run prints them all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Enter = Callable[[str, float, float, str, float], None]
_ROWS = pytest.StashKey[list[str]]()


@pytest.fixture
def enter(request: pytest.FixtureRequest) -> Enter:
    """``enter(what, true, measured, unit, tolerance)``: into the table, then within the relative tolerance or else."""
    rows = request.config.stash.setdefault(_ROWS, [])

    def add(what: str, true: float, measured: float, unit: str, tolerance: float) -> None:
        error = measured / true - 1
        rows.append(f"{what:58} {true:10.4g} {measured:10.4g} {unit:6} {error:+8.1%}  within {tolerance:.0%}")
        assert abs(error) <= tolerance, rows[-1]

    return add


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """One more line of the table, printed at once too: a run of half an hour is watched with ``-s``."""
    rows = request.config.stash.setdefault(_ROWS, [])

    def add(line: str) -> None:
        rows.append(line)
        print(line, flush=True)

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash.get(_ROWS, [])
    if rows:
        terminalreporter.section("servers of known cost")
        terminalreporter.write_line(f"{'what':58} {'true':>10} {'measured':>10} {'unit':6} {'error':>8}")
        for row in rows:
            terminalreporter.write_line(row)
