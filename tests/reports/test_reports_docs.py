"""docs/profiling.md names what there is: every metric, format, file and unit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plimsoll.profiling.dataset.load import FORMATS
from plimsoll.profiling.dataset.sampling import MOST_BYTES, MOST_ROWS
from plimsoll.profiling.gates.check import DEFAULT_MAX_REGRESSION, GRADES, read_gates
from plimsoll.profiling.gates.metrics import METRICS
from plimsoll.profiling.latency import needed_for

PAGE = (Path(__file__).parents[2] / "docs" / "profiling.md").read_text()


def test_every_metric_format_and_grade_is_explained() -> None:
    assert all(f"`{name}`" in PAGE for name in (*METRICS, *FORMATS, *GRADES))


@pytest.mark.parametrize("condition", sorted(set(re.findall(r"--fail-if '([^']+)'", PAGE))))
def test_the_conditions_of_the_examples_are_understood(condition: str) -> None:
    assert len(read_gates([condition]).conditions) == 1


def test_the_numbers_in_it_are_those_of_the_code() -> None:
    assert f"{MOST_ROWS:,} rows or {MOST_BYTES >> 20} MiB" in PAGE
    assert f"{DEFAULT_MAX_REGRESSION.removesuffix('%')} % if you do not say" in PAGE
    for share, name in ((0.95, "p95"), (0.99, "p99"), (0.999, "p99.9")):
        assert f"{name} takes {needed_for(share)}" in PAGE
