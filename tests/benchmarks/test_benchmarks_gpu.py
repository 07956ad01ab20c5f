"""The proof on a GPU, without one: a row for every claim, whatever becomes of the steps; codes; limits of time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from benchmarks.folders import ROOT
from benchmarks.gpu import page
from benchmarks.gpu.claims import STEPS, TENTH, YES, Bound, Claim, Step
from benchmarks.gpu.proof import REHEARSAL, Proof
from benchmarks.gpu.rows import Row, exit_code, rows_of

from support.living import living
from support.nvml import GIB, Machine, gpu

_H100 = {"name": "NVIDIA H100 80GB HBM3", "total": 81_559 * 2**20}
_FAULTS = next(step for step in STEPS if step.name == "faults")
PEAKS = ("peaks.100", "peaks.50", "peaks.20")


class Outcome:
    """What the command left behind."""

    def __init__(self, output: Path, *arguments: str, env: dict[str, str]) -> None:
        hidden = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "PLIMSOLL_GPU")
        own = {name: text for name, text in os.environ.items() if name not in hidden}
        command = [sys.executable, "-m", "benchmarks.gpu", "--output", str(output), *arguments]
        begun_s = time.monotonic()
        done = subprocess.run(command, env=own | env, cwd=ROOT, capture_output=True, text=True, timeout=240)
        self.seconds = time.monotonic() - begun_s
        self.code, self.errors = done.returncode, done.stderr
        self.page = (output / "gpu-proof.md").read_text()
        self.rows: dict[str, dict[str, Any]] = {
            row["claim"]: row for row in json.loads((output / "gpu-proof.json").read_text())["rows"]
        }


def on(machine: Machine, **more: str) -> dict[str, str]:
    paths = os.pathsep.join([str(ROOT / "tests"), *more.values()])
    return machine.environment | {"PYTHONPATH": paths}


def cuda_package(folder: Path) -> str:
    """An ONNX Runtime built for CUDA 13, as far as its text files go."""
    info = folder / "onnxruntime" / "capi" / "build_and_package_info.py"
    info.parent.mkdir(parents=True)
    (folder / "onnxruntime" / "__init__.py").touch()
    info.write_text("cuda_version = '13.0'\n")
    return str(folder)


def test_the_code_is_0_where_every_claim_held(machine: Machine, tmp_path: Path) -> None:
    machine.has(gpu(0, **_H100))
    env = on(machine, packages=cuda_package(tmp_path / "site"))
    found = Outcome(tmp_path / "out", "--device", "stand-in", "--only", "machine", env=env)
    assert (found.code, [row["held"] for row in found.rows.values()]) == (0, [True] * 3), found.errors
    assert "the tests' stand-in for the driver's library answered" in found.page


def test_a_card_that_others_use_and_a_driver_too_old_are_said(machine: Machine, tmp_path: Path) -> None:
    machine.driver |= {"driver": "525.60.13", "cuda": 12000}
    card = gpu(0, **_H100 | {"used": 78 * GIB})
    card.processes = [f"777 {78 * GIB}"]
    machine.has(card)
    env = on(machine, packages=cuda_package(tmp_path / "site"))
    found = Outcome(tmp_path / "out", "--device", "stand-in", "--only", "machine,peaks", env=env)
    held = {key: row["held"] for key, row in found.rows.items()}
    assert (found.code, held) == (1, dict.fromkeys(("driver", "alone", "room"), False) | dict.fromkeys(PEAKS))
    assert "525.60.13 is too old" in found.rows["driver"]["why"]
    assert "1 process(es)" in found.rows["alone"]["why"]
    assert found.rows["peaks.50"]["why"] == "1.8 GB of the card are free, and this takes 2.0 GB"


def test_without_a_gpu_every_row_says_so_and_the_code_is_3(tmp_path: Path) -> None:
    found = Outcome(tmp_path / "out", "--device", "cuda", env={"LD_LIBRARY_PATH": ""})
    assert found.code == 3
    assert set(found.rows) == {claim.key for step in STEPS for claim in step.claims}
    assert {row["held"] for row in found.rows.values()} == {None}
    assert all("there is no NVIDIA driver here" in row["why"] for row in found.rows.values())
    assert "**Not run: no GPU.**" in found.page


def test_what_the_driver_does_not_tell_costs_these_rows_only(machine: Machine, tmp_path: Path) -> None:
    machine.has(gpu(0, **_H100 | {"used": None}))
    env = on(machine, packages=cuda_package(tmp_path / "site"))
    found = Outcome(tmp_path / "out", "--device", "stand-in", "--only", "machine,context", env=env)
    assert found.code == 1
    assert found.rows["driver"]["held"] is True
    assert found.rows["alone"]["why"] == "the driver does not report the memory of the card"
    assert found.rows["context.bare"]["why"] == "the driver does not report how much memory is in use"


def test_without_pytorch_the_rows_of_models_say_so(machine: Machine, tmp_path: Path) -> None:
    machine.has(gpu(0, **_H100))
    found = Outcome(tmp_path / "out", "--device", "stand-in", "--only", "serving,model", env=on(machine))
    assert found.code == 1
    known = {"PyTorch is not installed (pip install torch)", "the stand-in runs no model"}
    assert {row["why"] for row in found.rows.values()} <= known


def test_a_context_is_measured_and_what_is_not_given_back_is_found(machine: Machine, tmp_path: Path) -> None:
    """The stand-in's process takes 400 MB; nobody gives its memory back when it is killed."""
    machine.has(gpu(0, **_H100))
    found = Outcome(tmp_path / "out", "--device", "stand-in", "--only", "context", env=on(machine))
    assert found.code == 1
    assert found.rows["context.bare"]["figure"] == pytest.approx(400)
    assert [row["held"] for row in found.rows.values()] == [True, True, True, False]
    assert found.rows["context.freed"]["command"] == "python -m benchmarks.gpu --device stand-in --only context"


def test_a_step_that_waits_for_the_driver_is_ended_when_the_time_is_over(machine: Machine, tmp_path: Path) -> None:
    """A hundred calls of a second each would take it longer than its time, on any machine."""
    machine.has(gpu(0, **_H100, stall=1))
    arguments = ("--device", "stand-in", "--only", "nvml,peaks", "--seconds", "20")
    found = Outcome(tmp_path / "out", *arguments, env=on(machine))
    assert (found.code, found.seconds < 60) == (1, True)
    assert found.rows["nvml.held"]["why"].startswith("the step was ended after ")
    assert found.rows["peaks.50"]["why"] == "the time was over (20 s)"


def test_a_driver_that_never_answers_is_no_gpu(machine: Machine, tmp_path: Path) -> None:
    machine.has(gpu(0, **_H100, stall=100))
    found = Outcome(tmp_path / "out", "--device", "stand-in", "--seconds", "3", env=on(machine))
    assert (found.code, found.seconds < 60) == (3, True)
    assert {row["why"] for row in found.rows.values()} == {"no GPU: the driver did not answer within 3 s"}


def test_a_step_that_breaks_does_not_stop_the_next(tmp_path: Path) -> None:
    """In a rehearsal, with real servers: what needs no GPU is tried."""
    broken = Step("no_such_step", 20, (Claim("broken", "it is there", YES, on_gpu=False),))
    written: list[int] = []
    proof = Proof("cpu", (broken, replace(_FAULTS, limit_s=200.0)), tmp_path, 250)
    proof.run(lambda so_far: written.append(len(so_far.rows)))
    assert written == [1 + len(_FAULTS.claims)] * 3, "complete before the first step and after each"
    rows = {row.claim.key: row for row in proof.rows}
    assert rows["broken"].why.startswith("the step ended with code 1: ")
    held = {key: row.held for key, row in rows.items() if row.figure is not None}
    assert held == dict.fromkeys(("oom.status", "oom.lost", "killed.ready", "endless.status", "endless.gone"), True)
    assert (rows["killed.freed"].held, rows["killed.freed"].why) == (None, REHEARSAL)
    assert exit_code(proof.rows, on_gpu=False) == 3


def test_a_step_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    slow = Step(_FAULTS.name, 2.5, _FAULTS.claims)
    proof = Proof("cpu", (slow,), tmp_path, 100)
    before = {*psutil.Process().children(recursive=True)}
    proof.run(lambda so_far: None)
    assert "the step was ended after 2.5 s" in {row.why for row in proof.rows}
    assert living({*psutil.Process().children(recursive=True)} - before) == []


def row(figure: float | None, bound: Bound = TENTH) -> Row:
    return Row(Claim("key", "says", bound), figure, "", "")


@pytest.mark.parametrize(
    ("figures", "on_gpu", "code"),
    [
        ([1.0, 1.1], True, 0),
        ([1.0, 1.2], True, 1),
        ([1.0, None], True, 1),
        ([], True, 1),
        ([1.0, None], False, 3),
        ([1.2, None], False, 1),
    ],
)
def test_codes(figures: list[float | None], on_gpu: bool, code: int) -> None:
    assert exit_code([row(figure) for figure in figures], on_gpu=on_gpu) == code


def test_what_a_step_said_before_it_broke_counts() -> None:
    step = Step("any", 1, (Claim("said", "a", TENTH), Claim("begun", "b", TENTH), Claim("unsaid", "c", TENTH)))
    broke = {"why": "it broke", "unless_said": True}
    lines = [{"claim": "said", "figure": 1.0, "why": ""}, {"claim": "said"} | broke, {"claim": "begun"} | broke]
    found = rows_of(step, lines, "it was ended", "command")
    assert [(one.held, one.why) for one in found] == [(True, ""), (None, "it broke"), (None, "it was ended")]


@pytest.mark.parametrize(
    ("device", "no_gpu", "steps", "folder"),
    [
        ("cuda", "", STEPS, "docs"),
        ("cuda", "there is none", STEPS, "build/gpu-proof"),
        ("cuda", "", STEPS[:2], "build/gpu-proof"),
        ("cpu", REHEARSAL, STEPS, "build/gpu-proof"),
        ("stand-in", "", STEPS, "build/gpu-proof"),
    ],
)
def test_only_a_whole_proof_takes_the_place_of_the_page_in_docs(
    tmp_path: Path, device: str, no_gpu: str, steps: tuple[Step, ...], folder: str
) -> None:
    assert page.home(Proof(device, steps, tmp_path, 1, no_gpu)) == ROOT / folder


def test_the_page_in_docs_has_the_claims_of_today() -> None:
    """And says what it is: until it was made on a GPU, that it was not."""
    record = json.loads((ROOT / "docs" / "gpu-proof.json").read_text())
    claims = {claim.key: claim for step in STEPS for claim in step.claims}
    assert {line["claim"]: (line["says"], line["bound"]) for line in record["rows"]} == {
        key: (claim.says, str(claim.bound)) for key, claim in claims.items()
    }
    text = (ROOT / "docs" / "gpu-proof.md").read_text()
    assert all(f"| {claim.says} |" in text for claim in claims.values())
    assert ("**Not run on a GPU" in text) == (record["device"] != "cuda")
