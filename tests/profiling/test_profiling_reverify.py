"""A profile that is tried out later: what its run knew of the rows and asked of the latency still holds."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.reverify import verify_profile
from plimsoll.profiling.run import profile
from support.profile_runs import ECHO, Notes, options_for


def test_rows_that_answer_what_they_should_not_and_the_objective_are_remembered(tmp_path: Path) -> None:
    """A row that expects 404 gets 200 each time, which no limit is to blame for; nothing answers in 1 µs."""
    rows: list[dict[str, Any]] = [{"body": "a"}, {"body": "b", "expect": {"status": 404}}, {"body": "c"}]
    objective = Slo(0.95, 1e-6)
    options = options_for(tmp_path, ECHO, [*map(json.dumps, rows)], verify=False, target_rps=20.0, slo=objective)
    before = profile(options, Notes())
    assert [row.outcome for row in before.measurements.rows.failed] == ["200"]
    assert before.settings.slo == "p95=0.001ms"
    later = dataclasses.replace(options, slo=None, output_dir=tmp_path / "later")
    later.output_dir.mkdir()
    found = verify_profile(later, tmp_path / "out" / "profile.json", Notes()).verification
    assert found is not None
    failures = found.attempts[0].failures
    assert any("took longer than 0.001 ms, which p95 of 0.001 ms does not allow" in failure for failure in failures)
    assert not any("requests failed" in failure for failure in failures)
