"""What failed rows mean for the run: which of them still take part in the load, and what the user is told."""

from __future__ import annotations

from plimsoll.errors import RowsFailed
from plimsoll.profiling.findings import Findings, Problem

_NAMED = 10


def rows_for_load(findings: Findings) -> list[int]:
    """All rows, the failing ones too, as they are part of the traffic; not those that kill or hang a worker."""
    harmful = {row.index for row in findings.census.failed() if row.harms}
    if harmful:
        findings.warnings.append(
            f"{len(harmful)} row(s) that cost a model worker its life or hung were left out of the load"
        )
    return [index for index in range(len(findings.dataset.rows)) if index not in harmful]


def check_rows(findings: Findings) -> None:
    """Notes the failed rows as the run's problem."""
    failed = findings.census.failed()
    if failed:
        message = f"{len(failed)} of {len(findings.census.rows)} rows failed: {describe_failed(findings)}"
        findings.problem = Problem(RowsFailed.code, message, RowsFailed.exit_code)
        findings.warnings.append(message)


def describe_failed(findings: Findings) -> str:
    """`row 3 → 500, row 7 → timeout, …`."""
    failed = findings.census.failed()
    named = [f"{_row(findings, row.index)} → {row.answer.outcome}" for row in failed[:_NAMED]]
    more = [f"and {len(failed) - _NAMED} more"] if len(failed) > _NAMED else []
    return ", ".join(named + more)


def _row(findings: Findings, index: int) -> str:
    row = findings.dataset.rows[index]
    return f"row {row.number}" + (f" ({row.name})" if row.name else "")
