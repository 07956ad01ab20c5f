"""The sections about sizes and batches that not every run has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.html.page import render_html
from plimsoll.reports.markdown import render_markdown
from support.chromium import visit
from support.finished import profile_with

LATENCY = {"mean": 0.01, "p50": 0.01, "p95": 0.02, "p99": None}
FIT = {"secondsPerCall": 0.0021, "secondsPerBatch": 0.0104, "largestSize": 32, "bestSize": 24}


def measured(**changes: Any) -> Profile:
    whole = profile_with().model_dump(by_alias=True)
    return profile_with(measurements=whole["measurements"] | changes)


def cpus(count: float, rate_rps: float, method: str = "affinity", chosen: bool = False) -> dict[str, Any]:
    level = {"connections": 4, "latencySeconds": LATENCY, "cpuSecondsPerRequest": 0.01, "secondsToReady": 1.0}
    level |= {"coresUsed": {"mean": count, "p95": None, "max": None}, "efficiency": rate_rps / 100 / count}
    return level | {"cpus": count, "method": method, "requestsPerSecond": rate_rps, "chosen": chosen}


SWEEP = [
    cpus(0.5, 48, "quota"), cpus(1, 100, chosen=True), cpus(1.5, 130, "quota"), cpus(2, 180), cpus(3, 210, "quota"),
    cpus(4, 250),
]  # fmt: skip


def batch(size: float, run_s: float) -> dict[str, Any]:
    rates = {"batches": 400, "batchSize": size, "runSeconds": run_s, "requestsPerSecond": size / run_s}
    return rates | {"connections": round(size)}


BATCHES = [batch(1.0, 0.0123), batch(1.9, 0.0146), batch(3.8, 0.0182), batch(7.7, 0.0268), batch(15.2, 0.0422)]


def looked_at(profile: Profile, folder: Path) -> str:
    page = folder / "profile.html"
    page.write_text(render_html(profile))
    seen = visit(page, folder)
    assert (seen.console, seen.requests) == ([], [])
    return seen.dom


def test_quota_and_affinity_are_told_apart(tmp_path: Path) -> None:
    page = looked_at(measured(cpuLevels=SWEEP), tmp_path)
    assert page.count('class="dot ring"') == 2 * 3
    assert "<td>1.5</td><td>quota</td><td>130</td>" in page
    assert "1.5 CPUs by quota: 130 requests/s" in page
    assert "Rings: all CPUs" in page
    assert "| 1.5 | quota | 130 |" in render_markdown(measured(cpuLevels=SWEEP))


def test_without_a_quota_there_is_no_word_of_it(tmp_path: Path) -> None:
    page = looked_at(measured(cpuLevels=[level for level in SWEEP if level["method"] == "affinity"]), tmp_path)
    assert 'class="dot ring"' not in page
    assert "Rings" not in page


def test_batches(tmp_path: Path) -> None:
    profile = measured(batchLevels=BATCHES, batchFit=FIT)
    page = looked_at(profile, tmp_path)
    assert "A batch takes 10.4 ms plus 2.1 ms for each call in it" in page
    assert "up to 24 calls are worth collecting, of the 32 that the script allows" in page
    assert "<td>15</td><td>15.2</td><td>42.2</td><td>2.78</td><td>400</td><td>360</td>" in page
    assert 'aria-label="Time of a batch against the number of calls in it"' in page
    assert "| 15 | 15.2 | 42.2 | 2.78 | 400 | 360 |" in render_markdown(profile)


def test_batches_of_one_size_only(tmp_path: Path) -> None:
    page = looked_at(measured(batchLevels=BATCHES[:1]), tmp_path)
    assert "Too few different batch sizes" in page
    assert "Time of a batch against" not in page
