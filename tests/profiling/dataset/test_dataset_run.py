"""Envelopes through the whole profile: methods, headers, and statuses that are right although they are no 2xx."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from plimsoll.profiling.run import profile
from support.profile_runs import Notes, options_for

RAW = """
from plimsoll.entry import Response, rawhttp

def init(): pass

@rawhttp
def run(request):
    if request.method == "GET":
        return Response("", status=200 if request.args["top"] == "5" and request.headers["X-Tenant"] == "a" else 500)
    return Response("", status=400 if request.get_data() == b"nonsense" else 200)
"""
ROWS = [
    {"body": {"a": 1}},
    {"method": "GET", "path": "/score?top=5", "headers": {"x-tenant": "a"}},
    {"body": "nonsense", "expect": {"status": 400}},
]


def test_a_status_that_is_expected_is_a_success(tmp_path: Path) -> None:
    options = options_for(tmp_path, RAW, [json.dumps(row) for row in ROWS], budget_s=5.0)
    result = profile(dataclasses.replace(options, format="envelope"), Notes())
    assert result.exit_code == 0
    assert result.measurements.rows.failed == []
    assert result.azureml.success_rate == 1
    assert set(result.measurements.concurrency_levels[0].outcomes) == {"200", "400"}


def test_a_status_that_is_not_expected_is_a_failure(tmp_path: Path) -> None:
    rows = [*ROWS, {"body": "fine", "expect": {"status": 400}}]
    options = options_for(tmp_path, RAW, [json.dumps(row) for row in rows], budget_s=5.0)
    result = profile(dataclasses.replace(options, format="envelope", max_rows=3), Notes())
    assert any("3 of 4 rows were taken" in warning for warning in result.warnings)
    result = profile(dataclasses.replace(options, format="envelope"), Notes())
    assert [(row.row, row.outcome) for row in result.measurements.rows.failed] == [(4, "200")]
    assert result.exit_code == 4
