"""What became of the gates stands in the profile, on the page and in the comment."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from plimsoll.errors import EntryError
from plimsoll.profiling.gates.check import judged, read_gates
from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.gates import gate_tables, gates_sentence
from plimsoll.reports.html.page import render_html
from plimsoll.reports.markdown import render_markdown
from plimsoll.reports.progress import PlainProgress
from plimsoll.reports.publish import run_and_report
from support.chromium import visit
from support.finished import profile_with

CONDITIONS = ["p99>200ms, memory>100MB", "replicas<1"]


def with_gates(folder: Path, **changes: Any) -> Profile:
    baseline = folder / "old.json"
    windows = {"connections": 1, "requestsPerSecond": [195.0, 196.0, 195.2], "cpuSecondsPerRequest": [0.005] * 3}
    measurements = profile_with().model_dump(by_alias=True)["measurements"] | {"levelWindows": [windows]}
    baseline.write_text(profile_with(measurements=measurements).model_dump_json(by_alias=True))
    return judged(profile_with(**changes), read_gates(CONDITIONS, str(baseline), require="verified"))


def test_each_gate_has_its_line(tmp_path: Path) -> None:
    conditions, compared = gate_tables(with_gates(tmp_path))
    assert conditions.rows == (
        ("p99", "passed", "40 ms", "> 200 ms"),
        ("memory", "failed", "201 MB", "> 100 MB"),
        ("replicas", "passed", "3", "< 1"),
        ("grade", "failed", "estimated", "below verified"),
    )
    assert compared.rows[0] == ("memory at most", "passed", "+0.0%", "56 MB", "56 MB", "> +10 %")
    assert compared.rows[1] == (
        "CPU per request with 1 connection", "failed", "+107.0%", "5 ms", "10.35 ms", "> +10 %",
    )  # fmt: skip
    assert compared.rows[2][1:3] == ("failed", "-51.2%")


def test_what_a_table_has_no_room_for_is_said(tmp_path: Path) -> None:
    host = profile_with().model_dump(by_alias=True)["host"] | {"cpuModel": "Another CPU"}
    said = gates_sentence(with_gates(tmp_path, azureml={}, host=host))
    assert said.startswith("3 of 5 failed. ")
    assert "p99>200ms: p99 is not known (it was not measured)." in said
    assert "Only memory is compared, it was measured on 2 cores of A CPU." in said
    assert gates_sentence(judged(profile_with(), read_gates(["cpu>9"]))) == "All 1 passed."


def test_the_page_shows_them(tmp_path: Path) -> None:
    page = tmp_path / "profile.html"
    page.write_text(render_html(with_gates(tmp_path)))
    seen = visit(page, tmp_path)
    assert (seen.console, seen.requests) == ([], [])
    assert seen.dom.count('<td class="failed">failed</td>') == 4
    assert "&gt; 200 ms" in seen.dom
    assert "<h2>Gates</h2>" not in render_html(profile_with())


def test_the_comment_shows_them_first(tmp_path: Path) -> None:
    text = render_markdown(with_gates(tmp_path))
    assert "| memory | failed | 201 MB | \\> 100 MB |" in text
    assert text.index("**Gates.** 4 of 9 failed.") < text.index("| per replica |")
    assert "Gates" not in render_markdown(profile_with())


def test_a_run_keeps_them(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def init(): pass\ndef run(data): return data\n")
    (tmp_path / "rows.txt").write_text("[1]\n[2]\n")
    arguments = ["--entry-script", str(tmp_path / "score.py")]
    options = ProfileOptions(tmp_path / "rows.txt", arguments, tmp_path / "out", budget_s=4.0)
    gates = read_gates(["success<100%", "cpu-per-request<1us"])
    summary = tmp_path / "summary.md"
    environment = {"GITHUB_STEP_SUMMARY": str(summary)}
    result = run_and_report(options, PlainProgress(io.StringIO()), environment, io.StringIO(), gates)
    assert [gate.held for gate in result.gates] == [True, True]
    written = Profile.model_validate_json((tmp_path / "out" / "profile.json").read_text())
    assert written == result
    assert "All 2 passed." in summary.read_text()
    assert "All 2 passed." in (tmp_path / "out" / "profile.html").read_text()


def test_a_run_that_fails_fails_them(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("def init(): raise ValueError('no model')\ndef run(data): pass\n")
    (tmp_path / "rows.txt").write_text("[1]\n")
    arguments = ["--entry-script", str(tmp_path / "score.py")]
    options = ProfileOptions(tmp_path / "rows.txt", arguments, tmp_path / "out", budget_s=4.0)
    with pytest.raises(EntryError):
        run_and_report(options, PlainProgress(io.StringIO()), {}, io.StringIO(), read_gates(["p99>1s"]))
    written = Profile.model_validate_json((tmp_path / "out" / "profile.json").read_text())
    assert [gate.held for gate in written.gates] == [False]
