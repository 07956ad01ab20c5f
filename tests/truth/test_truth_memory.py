"""Memory of known size: held, while loading, for 50 ms, shared between workers, and by row; and how it grows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from truth_servers import (
    EMPTY,
    HEAVY_ROW,
    HOLD_300_MB,
    LEAK,
    PEAK_WHILE_LOADING,
    SATURATING,
    SHARED_FILE,
    SLEEP_50_MS,
    SPIKE_50_MS,
    peak_bytes,
    run,
)

from plimsoll.profiling.result.profile import Profile

pytestmark = pytest.mark.truth
ROWS = [f"row {number}" for number in range(12)]


def startup_mb(profile: Profile) -> tuple[float, float]:
    """At most while it loads, and when it is ready."""
    found = profile.measurements.startup
    assert found.peak_memory_bytes is not None
    assert found.ready_memory_bytes is not None
    return found.peak_memory_bytes / 1e6, found.ready_memory_bytes / 1e6


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    """A server that holds nothing, under the same load."""
    return run(tmp_path_factory.mktemp("empty"), EMPTY, ["1", "2"], 8.0)


def test_three_hundred_megabytes(tmp_path: Path, empty: Profile, enter: Callable[..., None]) -> None:
    holding = run(tmp_path / "holding", HOLD_300_MB, ["1", "2"], 8.0)
    enter("memory held", 300, (peak_bytes(holding) - peak_bytes(empty)) / 1e6, "MB", 5 / 300)
    memory = holding.recommendation.memory
    assert memory is not None
    assert memory.request_bytes >= peak_bytes(holding) + 100_000_000


def test_a_peak_while_loading_rules_the_memory(tmp_path: Path, empty: Profile, enter: Callable[..., None]) -> None:
    """400 MB for a moment (and 100 MB beside it for good): reserved although the model then holds a quarter.

    Compared with the empty server before its first request, too.
    """
    loading = run(tmp_path / "loading", PEAK_WHILE_LOADING, ["1"], 6.0)
    (peak_mb, ready_mb), (bare_peak_mb, bare_ready_mb) = startup_mb(loading), startup_mb(empty)
    enter("memory at most while loading", 500, peak_mb - bare_peak_mb, "MB", 5 / 500)
    enter("memory when ready after it", 100, ready_mb - bare_ready_mb, "MB", 5 / 100)
    memory = loading.recommendation.memory
    assert memory is not None
    assert "while the model loads" in memory.reason


def test_a_spike_of_fifty_milliseconds_is_not_missed(tmp_path: Path, enter: Callable[..., None]) -> None:
    """Beside a server that takes as long for each request, and so is under the same load."""
    calm = run(tmp_path / "calm", SLEEP_50_MS, ["1", "2"], 8.0)
    result = run(tmp_path / "spike", SPIKE_50_MS, ["1", "2"], 8.0)
    enter("memory of a spike of 50 ms", 200, (peak_bytes(result) - peak_bytes(calm)) / 1e6, "MB", 5 / 200)


def test_a_file_that_all_workers_map_counts_once(tmp_path: Path, enter: Callable[..., None]) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"x" * 200_000_000)
    flags, changes = ("--workers", "2"), {"workers": 2}
    without = run(tmp_path / "without", EMPTY, ["1", "2"], 8.0, *flags, **changes)
    mapped = run(tmp_path / "mapped", SHARED_FILE.format(path=str(path)), ["1", "2"], 8.0, *flags, **changes)
    enter("a file mapped by two workers", 200, (peak_bytes(mapped) - peak_bytes(without)) / 1e6, "MB", 0.08)


def test_the_heaviest_row_by_memory_is_named(tmp_path: Path, enter: Callable[..., None]) -> None:
    rows = ["1000000", "2000000", "80000000", "3000000"]
    result = run(tmp_path / "heavy", HEAVY_ROW, rows, 6.0)
    rises = {row.row: row.peak_memory_bytes for row in result.measurements.rows.heaviest}
    if result.unknown.get("measurements.rows.heaviest.0.peakMemoryBytes"):
        pytest.skip("high-water marks cannot be reset here")
    assert max(rises, key=lambda row: rises[row] or 0) == 3
    enter("memory that one row takes", 80, (rises[3] or 0) / 1e6, "MB", 0.05)


@pytest.mark.parametrize("size_bytes", [5_000, 100_000])
def test_a_leak(tmp_path: Path, size_bytes: int, enter: Callable[..., None]) -> None:
    result = run(tmp_path / "leak", LEAK.format(size=size_bytes), ROWS, 20.0, verify=False)
    growth = result.measurements.growth
    assert growth.verdict == "growing"
    assert growth.bytes_per_1000_requests is not None
    enter(f"a leak of {size_bytes / 1e3:g} kB", size_bytes, growth.bytes_per_1000_requests / 1000, "B", 0.1)
    assert growth.seconds_to_limit is not None
    assert int(result.recommendation.environment["PLIMSOLL_MAX_REQUESTS"]) > 0


def test_a_cache_that_is_full_in_the_end_is_no_leak(tmp_path: Path, note: Callable[[str], None]) -> None:
    """Full some time in the phase that watches growth, or before it."""
    verdicts = []
    for most in (300, 1500):
        result = run(tmp_path / f"cache{most}", SATURATING.format(most=most), ROWS, 20.0, verify=False)
        verdicts.append(str(result.measurements.growth.verdict))
    note(f"caches that fill up to 60 MB and 300 MB: {', '.join(verdicts)}")
    assert verdicts[0] == "none"
    assert verdicts[1] in {"none", "saturating"}
