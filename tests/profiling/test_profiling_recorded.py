"""`--arrivals recorded` needs gaps between requests; what has none is refused before anything is started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll.errors import DatasetError
from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.session import prepare


def events(*times: str | None) -> str:
    """A line for each; one of None has no time."""
    common = {
        "specversion": "1.0",
        "source": "/a",
        "type": "azureml.inference.request",
        "datacontenttype": "application/json",
    }
    own = ({"id": f"{n}", "data": n} | ({"time": at} if at else {}) for n, at in enumerate(times))
    return "".join(json.dumps(common | line) + "\n" for line in own)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (events("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"), "all arrived at the same time"),
        (events("2026-01-01T00:00:00Z"), "all arrived at the same time"),
        (events("2026-01-01T00:00:00Z", None), "have no times of arrival"),
    ],
)
def test_rows_without_gaps_are_refused(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text(content)
    options = ProfileOptions(path, [], tmp_path / "out", recorded=True)
    with pytest.raises(DatasetError, match=f"{path}: its rows {why}, and --arrivals recorded needs the gaps"):
        prepare(options)
    assert not (tmp_path / "out").exists()


def test_times_out_of_order_have_gaps(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text(events("2026-01-01T00:00:02Z", "2026-01-01T00:00:01Z"))
    rows = prepare(ProfileOptions(path, [], tmp_path / "out", recorded=True)).dataset.rows
    assert len({row.arrived_s for row in rows}) == 2
