"""Servers of known cost: what the profile says against what is true."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.result import Profile
from plimsoll.profiling.run import profile

pytestmark = pytest.mark.truth

BURN_10_MS = """
import time
def init(): pass
def run(data):
    end = time.thread_time() + 0.010
    while time.thread_time() < end: pass
    return data
"""
EMPTY = """
def init(): pass
def run(data): return data
"""
HOLD_300_MB = """
def init():
    global held
    held = bytearray(b"x") * 300_000_000
def run(data): return data
"""
PEAK_WHILE_LOADING = """
def init():
    global held
    peak = bytearray(b"x") * 400_000_000
    held = bytes(100_000_000 * b"y")
def run(data): return data
"""
HEAVY_ROW = """
def init(): pass
def run(data):
    spike = bytearray(b"x") * int(data)
    return len(spike)
"""


class Quiet:
    """Nobody watches."""

    def phase(self, name: str, total_s: float) -> None:
        """Not shown."""

    def advance(self, elapsed_s: float) -> None:
        """Not shown."""

    def note(self, text: str) -> None:
        """Not shown."""


def run(folder: Path, script: str, rows: list[str], budget_s: float) -> Profile:
    folder.mkdir()
    (folder / "score.py").write_text(textwrap.dedent(script))
    (folder / "rows.txt").write_text("\n".join(rows))
    flags = ["--entry-script", str(folder / "score.py")]
    return profile(ProfileOptions(folder / "rows.txt", flags, folder / "out", budget_s=budget_s), Quiet())


def tell(text: str) -> None:
    """Shown by `pytest -rP`."""
    sys.stdout.write(text + "\n")


def peak_bytes(result: Profile) -> int:
    assert result.measurements.memory.peak_bytes is not None
    return result.measurements.memory.peak_bytes


def test_ten_milliseconds_of_cpu(tmp_path: Path) -> None:
    result = run(tmp_path / "burn", BURN_10_MS, [f"row {number}" for number in range(10)], 45.0)
    measured_s = sum(worker.cpu_seconds_per_request or 0.0 for worker in result.processes.workers)
    tell(f"CPU per request {measured_s * 1000:.3f} ms of 10 ms, profiled in {result.elapsed_seconds:.1f} s")
    assert measured_s == pytest.approx(0.010, rel=0.05)
    cpu = result.recommendation.cpu
    assert cpu is not None
    assert cpu.request_cores in {1.0, 1.25}
    # The driver's cost is known and apart.
    driver_s = result.processes.driver.cpu_seconds_per_request
    assert driver_s is not None
    assert driver_s < 0.001


def test_three_hundred_megabytes(tmp_path: Path) -> None:
    empty = run(tmp_path / "empty", EMPTY, ["1", "2"], 8.0)
    holding = run(tmp_path / "holding", HOLD_300_MB, ["1", "2"], 8.0)
    difference_bytes = peak_bytes(holding) - peak_bytes(empty)
    tell(f"memory {difference_bytes / 1e6:.1f} MB of 300 MB")
    assert difference_bytes == pytest.approx(300e6, rel=0.03)
    memory = holding.recommendation.memory
    assert memory is not None
    assert memory.request_bytes >= peak_bytes(holding) + 100_000_000


def test_a_peak_while_loading_rules_the_memory(tmp_path: Path) -> None:
    """400 MB for a moment (and 100 MB beside it for good): reserved although the model then holds a quarter."""
    empty = run(tmp_path / "empty", EMPTY, ["1"], 6.0)
    loading = run(tmp_path / "loading", PEAK_WHILE_LOADING, ["1"], 6.0)
    startup = loading.measurements.startup
    assert startup.peak_memory_bytes is not None
    assert startup.ready_memory_bytes is not None
    assert startup.peak_memory_bytes - peak_bytes(empty) == pytest.approx(500e6, rel=0.03)
    assert startup.ready_memory_bytes - peak_bytes(empty) == pytest.approx(100e6, rel=0.05)
    memory = loading.recommendation.memory
    assert memory is not None
    assert "while the model loads" in memory.reason


def test_the_heaviest_row_by_memory_is_named(tmp_path: Path) -> None:
    rows = ["1000000", "2000000", "80000000", "3000000"]
    result = run(tmp_path / "heavy", HEAVY_ROW, rows, 6.0)
    rises = {row.row: row.peak_memory_bytes for row in result.measurements.rows.heaviest}
    if result.unknown.get("measurements.rows.heaviest.0.peakMemoryBytes"):
        pytest.skip("high-water marks cannot be reset here")
    assert rises[3] == pytest.approx(80e6, rel=0.05)
    assert max(rises, key=lambda row: rises[row] or 0) == 3
