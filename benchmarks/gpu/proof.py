"""All steps, one after the other, each in a process of its own: what one does or fails to do is no matter to the next.

After each step everything is written anew, with a row for every claim: a run that is cut off leaves its table.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.folders import ROOT
from benchmarks.gpu.claims import Step
from benchmarks.gpu.presence import why_no_gpu
from benchmarks.gpu.rows import Row, rows_of
from benchmarks.gpu.served import child_environment
from plimsoll.host.children import start_child
from plimsoll.host.processes import ProcessTree

REHEARSAL = "a rehearsal on the CPU: it needs a GPU"
NOT_YET = "its turn has not come"
_GRACE_S, _SHORTEST_S, _POLL_S = 4.0, 2.0, 0.05


@dataclass(slots=True)
class Proof:
    """`no_gpu` says why there is none, empty where there is one; `rows` are complete at any moment."""

    device: str
    steps: tuple[Step, ...]
    folder: Path
    most_s: float
    no_gpu: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    found: dict[str, list[Row]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, write: Callable[[Proof], None]) -> None:
        begun_s = time.monotonic()
        self.no_gpu = why_no_gpu(self.most_s) if self.device != "cpu" else REHEARSAL
        write(self)
        for step in self.steps:
            left_s = self.most_s - (time.monotonic() - begun_s)
            self.found[step.name] = self._rows(step, left_s)
            write(self)

    @property
    def rows(self) -> list[Row]:
        pairs = ((step, self.found.get(step.name)) for step in self.steps)
        return [row for step, rows in pairs for row in rows or rows_of(step, [], NOT_YET, self.command(step))]

    def command(self, step: Step) -> str:
        return f"python -m benchmarks.gpu --device {self.device} --only {step.name}"

    def _rows(self, step: Step, left_s: float) -> list[Row]:
        if self.no_gpu and self.device != "cpu":
            return rows_of(step, [], f"no GPU: {self.no_gpu}", self.command(step))
        if left_s < _SHORTEST_S:
            return rows_of(step, [], f"the time was over ({self.most_s:.0f} s)", self.command(step))
        begun_s = time.monotonic()
        lines, unsaid = self._start(step, min(step.limit_s, left_s))
        self.seconds[step.name] = time.monotonic() - begun_s
        self.facts |= {line["fact"]: line["value"] for line in lines if "fact" in line}
        rows = rows_of(step, lines, unsaid, self.command(step))
        return [self._excused(row) for row in rows]

    def _excused(self, row: Row) -> Row:
        if row.figure is None and row.claim.on_gpu and self.device == "cpu":
            return Row(row.claim, None, REHEARSAL, row.command)
        return row

    def _start(self, step: Step, limit_s: float) -> tuple[list[dict[str, Any]], str]:
        """What it said, and why it did not say more."""
        folder = self.folder / step.name
        folder.mkdir(parents=True, exist_ok=True)
        facts, said, log = folder / "facts.json", folder / "said.jsonl", folder / "step.log"
        facts.write_text(json.dumps(self.facts))
        command = [sys.executable, "-m", "benchmarks.gpu.step", step.name, self.device, str(folder), str(facts)]
        with said.open("wb") as stdout, log.open("wb") as stderr:
            process = start_child(
                command,
                signal.SIGTERM,
                cwd=ROOT,
                env=child_environment({}),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            unsaid = _wait(process, limit_s) or _last_line(log, process.returncode)
        return list(_lines(said)), unsaid


def _wait(process: subprocess.Popen[bytes], limit_s: float) -> str:
    """Why it was ended; empty where it ended by itself. Nothing of its tree is left."""
    tree, until_s = ProcessTree(process.pid), time.monotonic() + limit_s
    while process.poll() is None and time.monotonic() < until_s:
        tree.members()
        time.sleep(_POLL_S)
    unsaid = "" if process.poll() is not None else f"the step was ended after {limit_s:.3g} s"
    tree.end(_GRACE_S, process.poll)
    return unsaid


def _last_line(log: Path, code: int) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return f"the step ended with code {code}" + (f": {lines[-1]}" if lines else " and did not say anything of it")


def _lines(said: Path) -> Iterable[dict[str, Any]]:
    """The last line of a step that was killed may be half a line."""
    for line in said.read_text(errors="replace").splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)
