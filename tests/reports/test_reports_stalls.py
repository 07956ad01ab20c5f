"""Stalls in the reports: on the console, in the comment, on the page as a table and as marks on the run's time axis."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from plimsoll.profiling.gates.check import check_gates, read_gates
from plimsoll.profiling.result.measurements import Timeline
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.charts.timeline import timeline_chart
from plimsoll.reports.console import answer_lines, print_profile
from plimsoll.reports.html.page import render_html
from plimsoll.reports.markdown import render_markdown
from support.chromium import visit
from support.finished import CURVES, failed_profile, profile_with

STALL: dict[str, Any] = {
    "workers": 1,
    "threads": 1,
    "maxBatchSize": None,
    "recommended": True,
    "phases": ["capacity", "open loop"],
    "lengthSeconds": 0.5,
    "longestSeconds": 0.512,
    "count": 3,
    "observedSeconds": 14.6,
    "periodSeconds": 5.02,
    "periodReason": "2 of 2 were followed by the next after this time",
    "process": "worker",
    "processReason": "run() took that long, the front's event loop did not",
    "answers": 61,
    "atSeconds": [5.0, 10.0, 15.1],
}
IRREGULAR = STALL | {"periodSeconds": None, "process": None, "recommended": False, "workers": 2}
IRREGULAR |= {"count": 9, "atSeconds": [7.0] * 9}


def stalled(*stalls: dict[str, Any]) -> Profile:
    whole = profile_with().model_dump(by_alias=True)
    return profile_with(measurements=whole["measurements"] | {"stalls": list(stalls)})


def test_the_console_says_it_before_the_rate() -> None:
    lines = answer_lines(stalled(STALL, IRREGULAR))
    assert lines[3:5] == [
        "stall:  0.5 s about every 5.02 s: a model worker stood still",
        "stall:  0.5 s 9 times in 15 s of load: the server stood still, seen with 2 workers",
    ]
    assert lines[-1].startswith("rate:")
    assert not [line for line in answer_lines(profile_with()) if "stall" in line]


def test_max_stands_beside_p99() -> None:
    stream = io.StringIO()
    print_profile(profile_with(), Console(file=stream, width=200))
    assert re.search(r"p99 ms\s+max ms", stream.getvalue())
    assert "10.4" in stream.getvalue()
    assert "12.4" in stream.getvalue()
    assert re.search(r"p99 ms \| max ms", render_markdown(profile_with()))
    assert "max 12.4 ms" in render_markdown(profile_with())


def test_the_comment_has_a_sentence_for_each() -> None:
    text = render_markdown(stalled(STALL, IRREGULAR))
    assert "**Stalls**" in text
    assert "a model worker stood still for 0.5 s about every 5.02 s" in text
    assert "seen with 2 workers, which is not what is recommended" in text
    assert "Stalls" not in render_markdown(profile_with())


def test_the_page_has_a_table_and_marks(tmp_path: Path) -> None:
    path = tmp_path / "profile.html"
    path.write_text(render_html(stalled(STALL, IRREGULAR)))
    seen = visit(path, tmp_path)
    text = " ".join(seen.dom.split())
    assert "A model worker stood still for 0.5 s about every 5.02 s" in text
    assert "7, 7, 7, 7 …" in text
    assert "the server stood still" in text
    assert seen.console == []
    # Twelve times, drawn for a desk and for a phone.
    assert seen.dom.count('class="stall"') == 24


def test_a_page_without_stalls_says_nothing_of_them() -> None:
    page = render_html(profile_with())
    assert "Stalls" not in page
    assert 'class="stall"' not in page


def test_marks_lie_where_the_stalls_were() -> None:
    timeline = Timeline.model_validate(CURVES["timeline"])
    chart = timeline_chart(timeline, None, None, 756.0, None, [(10.0, 5.0), (2.0, 0.001)])
    marks = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"[^>]*class="stall"', chart)
    (begin, width), (other, thin) = [(float(x), float(length)) for x, length in marks]
    # 20 s over 700 px, from 48 px on.
    assert begin == pytest.approx(48 + 350, abs=1)
    assert width == pytest.approx(175, abs=1)
    assert other == pytest.approx(48 + 70, abs=1)
    assert thin == 1.5, "seen however short it was"
    assert "stood still for 5 s at 10 s" in chart


def test_a_gate_on_stalls() -> None:
    def judged(condition: str, profile: Profile) -> list[bool | None]:
        return [result.held for result in check_gates(profile, read_gates([condition]))]

    assert judged("stall>500ms", stalled(STALL)) == [False]
    assert judged("stall>1s", stalled(STALL)) == [True]
    assert judged("stall>0ms", profile_with()) == [True], "there was load and none was seen"
    assert judged("stall>1s", failed_profile()) == [False], "nothing is known"
