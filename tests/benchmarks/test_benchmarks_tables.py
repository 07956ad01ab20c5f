"""Medians, ratios within a round, marks, and the page around them."""

from __future__ import annotations

import xml.etree.ElementTree
from pathlib import Path

import pytest
from benchmarks.folders import PAGE
from benchmarks.peers.registry import BY_NAME, PEERS
from benchmarks.report.page import NoMarkers, replaced, servers
from benchmarks.report.picture import picture
from benchmarks.report.summary import Summary
from benchmarks.report.tables import Tables, number
from benchmarks.sample import Failure, Sample
from benchmarks.workloads import BY_NAME as WORKLOADS

ECHO = WORKLOADS["echo"]
TWO = (BY_NAME["bare"], BY_NAME["plimsoll"])


def _samples(peer: str, costs: list[float], quiet: bool = True) -> list[Sample]:
    figures = [{"rate": 1e6 / cost, "p50_ms": 1.0, "p99_ms": 2.0, "cpu_us": cost} for cost in costs]
    return [Sample(peer, "echo", 32, place, found, 0.0, quiet, 1) for place, found in enumerate(figures, 1)]


def test_ratios_are_formed_within_a_round() -> None:
    """The second round is one of a machine that was twice as slow: the ratio of the medians would be 3."""
    summary = Summary([*_samples("bare", [10.0, 20.0, 10.0]), *_samples("plimsoll", [20.0, 40.0, 30.0])], "bare")
    figure = summary.figure("plimsoll", "echo", 32, "cpu_us")
    assert figure
    assert (figure.median, figure.least, figure.most, figure.to_base) == (30.0, 20.0, 40.0, 2.0)
    assert summary.figure("plimsoll", "echo", 1, "cpu_us") is None


def test_a_table_shows_spread_ratio_and_what_was_disturbed() -> None:
    samples = [*_samples("bare", [10.0, 20.0, 10.0]), *_samples("plimsoll", [20.0, 40.0, 30.0], quiet=False)]
    lines = _lines(samples, [Failure("mosec", "echo", "answered | wrong\nand more")])
    rows = [line for line in lines if line.startswith("| **Plimsoll**")]
    assert "33,333\\* · 30.0\\*" in rows[0]
    assert rows[1].endswith("| 30.0\\* (20.0 to 40.0) | 2.00\\* |")
    assert "| bare ASGI | 100,000 (50,000 to 100,000) |  | 1.00 |" in "\n".join(lines)
    assert "- mosec: answered \\| wrong and more" in lines


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    lines = [line for line in _lines(_samples("bare", [10.0]), []) if line.startswith("|")]
    assert len(lines) > 6
    for head in range(0, len(lines), 5):
        assert len({line.count("|") for line in lines[head : head + 5]}) == 1


def test_numbers_keep_three_digits() -> None:
    assert [number(value) for value in (36432.4, 100.4, 99.94, 9.996, 0.0891)] == [
        "36,432",
        "100",
        "99.9",
        "10.00",
        "0.089",
    ]


def test_only_what_is_between_the_markers_changes(tmp_path: Path) -> None:
    page = "prose\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nmore prose\n"
    expected = "prose\n<!-- figures: begin -->\nnew\nlines\n<!-- figures: end -->\nmore prose\n"
    assert replaced(page, "figures", ["new", "lines"], tmp_path) == expected
    assert replaced(expected, "figures", ["new", "lines"], tmp_path) == expected
    with pytest.raises(NoMarkers, match="figures: end"):
        replaced("<!-- figures: begin -->", "figures", [], tmp_path)


def test_the_picture_is_well_formed_and_has_a_bar_for_every_figure() -> None:
    text = picture(Summary([*_samples("bare", [10.0]), *_samples("plimsoll", [20.0])], "bare"), TWO, [ECHO])
    root = xml.etree.ElementTree.fromstring(text)
    bars = {(bar.get("class"), bar.get("width")) for bar in root.iter("{http://www.w3.org/2000/svg}rect")}
    assert bars == {("ceiling", "250.0"), ("ours", "125.0"), ("ceiling", "125.0"), ("ours", "250.0")}


def test_the_page_says_what_every_server_and_workload_does() -> None:
    page = PAGE.read_text()
    assert replaced(page, "servers", servers(PEERS), PAGE) == page
    for workload in WORKLOADS.values():
        assert f"| `{workload.name}` |" in page


def _lines(samples: list[Sample], failures: list[Failure]) -> list[str]:
    peers = (*TWO, BY_NAME["mosec"])
    return list(Tables(Summary(samples, "bare"), peers, [ECHO], failures).lines())
