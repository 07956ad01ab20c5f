"""The two results: a page for people and a file for programs, with the same rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.folders import ROOT
from benchmarks.gpu.claims import STEPS, Step
from benchmarks.gpu.proof import Proof
from benchmarks.gpu.rows import Row

PAGE, RECORD = "gpu-proof.md", "gpu-proof.json"
_KINDS = {
    "cpu": "**Not run on a GPU: a rehearsal on the CPU.** Pictures of 32 pixels, a hundredth of the memory; a figure"
    " below says that the step works, and nothing about a GPU.",
    "stand-in": "**Not run on a GPU: the tests' stand-in for the driver's library answered.**",
}


def home(proof: Proof) -> Path:
    """Where the results belong: a rehearsal, or a part of the claims, must not take the place of a proof."""
    whole = proof.device == "cuda" and not proof.no_gpu and proof.steps == STEPS
    return ROOT / "docs" if whole else ROOT / "build" / "gpu-proof"


def write(proof: Proof, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ((PAGE, page(proof)), (RECORD, json.dumps(record(proof), indent=1) + "\n")):
        fresh = folder / f".{name}.new"
        fresh.write_text(text)
        fresh.replace(folder / name)


def record(proof: Proof) -> dict[str, Any]:
    return {
        "date": _today(),
        "device": proof.device,
        "noGpu": proof.no_gpu or None,
        "facts": proof.facts,
        "seconds": {name: round(seconds, 1) for name, seconds in proof.seconds.items()},
        "rows": [_line(row) for row in proof.rows],
    }


def _line(row: Row) -> dict[str, Any]:
    return {
        "claim": row.claim.key,
        "says": row.claim.says,
        "figure": row.figure,
        "unit": row.claim.unit,
        "bound": str(row.claim.bound),
        "held": row.held,
        "why": row.why,
        "command": row.command,
    }


def page(proof: Proof) -> str:
    rows = {step.name: [row for row in proof.rows if row.claim in step.claims] for step in proof.steps}
    parts = ["# The proof on a GPU", _kind(proof), _summary(proof.rows), _machine(proof)]
    parts += [part for step in proof.steps for part in _section(step, rows[step.name], proof)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _kind(proof: Proof) -> str:
    if proof.device == "cuda" and proof.no_gpu:
        return f"**Not run: no GPU.** {proof.no_gpu}"
    made = "`make gpu-proof` writes this page; `docs/gpu.md` says what the claims mean."
    return "\n\n".join(filter(None, [_KINDS.get(proof.device, ""), made]))


def _summary(rows: list[Row]) -> str:
    held, failed = sum(row.held is True for row in rows), sum(row.held is False for row in rows)
    return f"Of {len(rows)} claims {held} held, {failed} did not, {len(rows) - held - failed} were not tried."


def _machine(proof: Proof) -> str:
    facts = {"date": _today()} | proof.facts.get("card", {}) | proof.facts.get("machine", {})
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in facts.items())])


def _section(step: Step, rows: list[Row], proof: Proof) -> list[str]:
    took = f", {proof.seconds[step.name]:.0f} s" if step.name in proof.seconds else ""
    lines = [
        f"| {_cell(row.claim.says)} | {_figure(row)} | {row.claim.bound} | {_held(row)} | {_cell(row.why)} |"
        for row in rows
    ]
    table = ["| claim | figure | bound | held | |", "|---|---|---|---|---|", *lines]
    commands = [f"    {command}" for command in dict.fromkeys([proof.command(step), *(row.command for row in rows)])]
    return [f"## {step.name}{took}", "\n".join(table), "\n".join(commands)]


def _figure(row: Row) -> str:
    if row.figure is None:
        return ""
    if str(row.claim.bound) == "yes":
        return "yes" if row.figure else "no"
    return f"{row.figure:.3g} {row.claim.unit}".strip()


def _held(row: Row) -> str:
    return {True: "held", False: "**not held**", None: "not tried"}[row.held]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d")
