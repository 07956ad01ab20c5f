"""docs/behaviour.md promises nothing that no test proves."""

from __future__ import annotations

import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PROOF = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_row_of_the_behaviour_page_names_a_test_that_exists() -> None:
    rows = [line for line in (_ROOT / "docs" / "behaviour.md").read_text().splitlines() if line.startswith("| ")]
    promises = [row for row in rows if not row.startswith("| What |")]
    assert len(promises) > 50
    for row in promises:
        proof = _PROOF.search(row)
        assert proof, f"no test named: {row}"
        assert f"def {proof[2]}(" in (_ROOT / proof[1]).read_text(), f"no such test: {row}"
