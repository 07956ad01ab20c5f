"""The page in the real Chromium: it renders, its console stays empty, and it fetches nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.html.page import render_html
from support.chromium import print_pdf, visit
from support.finished import CURVES, LEVEL, failed_profile, profile_with

EVIL = '<script src="http://example.invalid/x.js"></script><img src=x onerror=alert(1)>"&'


def measured(**changes: Any) -> Profile:
    """Measurements replaced one by one."""
    whole = profile_with().model_dump(by_alias=True)
    return profile_with(measurements=whole["measurements"] | changes)


def level(connections: int, rate_rps: float) -> dict[str, Any]:
    return LEVEL | {"connections": connections, "requestsPerSecond": rate_rps}


ONE_ROW = {"rows": [1], "bodyBytes": [10], "cpuSeconds": [0.01]}
SAME_SIZE = {"rows": [1, 2], "bodyBytes": [10, 10], "cpuSeconds": [0.01, 0.0]}
PERCENTILES = {"mean": 0.01, "p50": 0.01, "p95": 0.02, "p99": None}
CORES = {"mean": 1.0, "p95": None, "max": None}
RATE = {
    "targetRequestsPerSecond": 60.0,
    "requestsPerSecond": 59.5,
    "capacityShare": 0.6,
    "cpus": 2,
    "requests": 600,
    "offered": 600,
    "successes": 600,
    "outcomes": {"200": 600},
    "seconds": 10.0,
    "latencySeconds": PERCENTILES,
    "latenessSeconds": {"p50": 0.0001, "p99": None, "max": 0.001},
    "inFlightMean": 0.7,
    "inFlightMax": 5,
    "queueGrowing": True,
    "driverLimited": False,
    "sloMet": None,
    "cpuSecondsPerRequest": 0.01,
    "coresUsed": CORES,
    "memory": LEVEL["memory"],
    "driverCores": 0.1,
    "elsewhereCores": 0.0,
}


def cpus(count: float, rate_rps: float, chosen: bool) -> dict[str, Any]:
    level = {"method": "affinity", "connections": 4, "latencySeconds": PERCENTILES, "cpuSecondsPerRequest": 0.01}
    level |= {"coresUsed": CORES, "secondsToReady": 1.0, "efficiency": rate_rps / 100 / count}
    return level | {"cpus": count, "requestsPerSecond": rate_rps, "chosen": chosen}


LIMITS = {"cpuCores": 1.25, "memoryBytes": 192 << 20}
ATTEMPT = {
    "limits": LIMITS,
    "passed": False,
    "failures": ["it was killed <for> memory"],
    "secondsToReady": 1.0,
    "requests": None,
    "successes": None,
    "requestsPerSecond": None,
    "latencySeconds": {},
    "coresUsed": None,
    "throttledShare": None,
    "throttledSeconds": None,
    "oomKills": 1,
    "memoryPeakBytes": None,
    "elsewhereCores": None,
}
GOOD = {"passed": True, "failures": [], "requests": 100, "successes": 99, "latencySeconds": PERCENTILES}
GROWTH = {"verdict": "growing", "bytesPer1000Requests": 4.2e6, "lowerBytesPer1000Requests": 4e6}
GROWTH |= {"upperBytesPer1000Requests": 4.4e6, "secondsToLimit": 7200.0, "requests": 5000}
VERIFICATION = {
    "method": "cgroup v2",
    "whyNotEnforced": None,
    "limits": LIMITS,
    "passed": True,
    "attempts": [ATTEMPT, ATTEMPT | GOOD],
    "evidence": {
        "targetRequestsPerSecond": 60.0,
        "seconds": 10.0,
        "unlimitedP95Seconds": 0.02,
        "unlimitedP99Seconds": 0.03,
        "limitedP95Seconds": 0.02,
        "limitedP99Seconds": 0.033,
        "p95Ratio": 1.0,
        "p99Ratio": 1.1,
        "tightness": {"cpu": 0.9, "memory": 0.4},
    },
}


def everything() -> Profile:
    """Every phase was run."""
    found = measured(rateLevels=[RATE], growth=GROWTH, cpuLevels=[cpus(1, 100, True), cpus(2, 180, False)])
    whole = found.model_dump(by_alias=True)
    return Profile.model_validate(whole | {"verification": VERIFICATION, "grade": "verified"})


PROFILES = {
    "everything": everything(),
    "whole": profile_with(),
    "failed": failed_profile(),
    "bare": measured(timeline={}, latencyCurves=[], rowCosts={}, levelWindows=[]),
    "odd": measured(rowCosts=SAME_SIZE, concurrencyLevels=[level(1, 0.0)]),
    "many levels": measured(rowCosts=ONE_ROW, concurrencyLevels=[level(2**n, 90.0 * n + 1) for n in range(11)]),
}


@pytest.mark.parametrize("name", PROFILES)
def test_it_renders_without_an_error_and_without_a_request(name: str, tmp_path: Path) -> None:
    page = tmp_path / "profile.html"
    page.write_text(render_html(PROFILES[name]))
    seen = visit(page, tmp_path)
    assert seen.console == []
    assert seen.requests == []
    assert "<h1>digits</h1>" in seen.dom
    assert seen.dom.rstrip().endswith("</html>")


def test_the_test_itself_sees_errors_and_requests(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text('<!doctype html><img src="http://example.invalid/x.png"><script>nowhere()</script>')
    seen = visit(page, tmp_path)
    assert any("nowhere is not defined" in line for line in seen.console)
    assert seen.requests == ["http://example.invalid/x.png"]


def test_words_of_others_stay_words(tmp_path: Path) -> None:
    page = tmp_path / "profile.html"
    failed = {"row": 1, "name": EVIL, "outcome": EVIL, "latencySeconds": 1.0, "failuresUnderLoad": 0}
    rows = {"count": 1, "distinct": 1, "measured": 1, "failed": [failed], "heaviest": []}
    phases = [{"name": EVIL, "beginSeconds": 0, "endSeconds": 9}]
    profile = measured(rows=rows, timeline=CURVES["timeline"] | {"phases": phases})  # type: ignore[operator]
    page.write_text(render_html(profile.model_copy(update={"name": EVIL, "warnings": [EVIL]})))
    seen = visit(page, tmp_path)
    assert (seen.console, seen.requests) == ([], [])
    assert "<script" not in seen.dom
    assert "<img" not in seen.dom
    assert seen.dom.count("&lt;script") >= 4


def test_everything_is_in_the_file() -> None:
    page = render_html(profile_with())
    assert not re.search(r"(?:src|href)=\"(?!data:,)", page)
    assert "@import" not in page
    assert "url(" not in page


def test_a_phone_gets_its_own_drawing() -> None:
    page = render_html(profile_with())
    assert page.count('class="wide"') == page.count('class="narrow"') == 4
    assert 'viewBox="0 0 354 ' in page


def test_the_numbers_and_their_reasons_are_there() -> None:
    page = render_html(profile_with())
    for words in ("1.25", "192", "63.6", "One request costs 10.3 ms of CPU.", "recommended: 63.6 requests/s", "row 3"):
        assert words in page


def test_a_failed_profile_recommends_nothing() -> None:
    page = render_html(failed_profile())
    assert "init() failed: no model" in page
    assert "last line" in page
    assert "CPU per replica" not in page


def test_it_prints(tmp_path: Path) -> None:
    page = tmp_path / "profile.html"
    page.write_text(render_html(profile_with()))
    assert print_pdf(page, tmp_path).startswith(b"%PDF")


def test_phases_that_not_every_run_has() -> None:
    page = render_html(everything())
    for words in (
        "and it passed",
        "1.10 times that of the unlimited run",
        "90% of the CPU and 40% of the memory",
        "it was killed &lt;for&gt; memory",
        "grows with every request: +4.20 MB per 1000 requests (95 % interval +4.00 to +4.40)",
        "after 2.0 hours",
        "queue grows",
        "1 CPU is chosen",
        "badge verified",
    ):
        assert words in page
    assert "Inside its own limits" not in render_html(profile_with())
