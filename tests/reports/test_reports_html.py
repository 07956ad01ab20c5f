"""The page in the real Chromium: it renders, its console stays empty, and it fetches nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from plimsoll.profiling.result import Profile
from plimsoll.reports.html import render_html
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
PROFILES = {
    "whole": profile_with(),
    "failed": failed_profile(),
    "bare": measured(timeline={}, latencyCurves=[], rowCosts={}, kneeWindows={}),
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
    for words in ("1.25", "192", "63.6", "One request costs 10.3 ms of CPU.", "load line: 63.6 requests/s", "row 3"):
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
