"""A profile whose GPU fails: it ends, the reason is told, and what was measured until then is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.gpu_runs import CARD, profile_on
from support.nvml import Machine, gpu


@pytest.mark.parametrize("number", [15, 28])
def test_a_gpu_that_is_lost_in_the_middle(machine: Machine, tmp_path: Path, number: int) -> None:
    """The server goes on answering, as one does whose calls to a dead GPU hang in its threads."""
    machine.has(gpu(0, **CARD))
    row = f"if data == 'row 5': model.set('error', {number})"
    found = profile_on(machine, tmp_path, row=row, rows=())
    assert found.code == 3
    assert (found.content["state"], found.content["error"]["code"]) == ("Failed", "gpu_lost")
    assert "NVIDIA H100 80GB HBM3" in found.content["error"]["message"]
    assert found.content["measurements"]["startup"]["secondsToReady"] is not None
    assert found.content["measurements"]["rows"]["measured"] >= 1
    assert found.measured["devices"][0]["deltaBytes"] == 3_100_000_000
    assert (found.folder / "profile.html").exists()


def test_a_gpu_that_was_wanted_and_never_used_is_a_failure(machine: Machine, tmp_path: Path) -> None:
    """The classic: a build of the framework for CPUs, and all goes well, only slowly."""
    machine.has(gpu(0, **CARD))
    script = "def init(): pass\ndef run(data): return data"
    found = profile_on(machine, tmp_path, "--gpu", "required", script=script)
    assert found.code == 3
    assert (found.content["state"], found.content["recommendation"]["gpu"]) == ("Failed", None)
    assert "fell back to the CPU" in found.content["error"]["message"]


def test_a_driver_that_hangs_does_not_hold_up_the_run(machine: Machine, tmp_path: Path) -> None:
    """What it said until then stands, and that it said no more."""
    machine.has(gpu(0, **CARD))
    row = "if data == 'row 5': model.set('stall', 100)"
    found = profile_on(machine, tmp_path, row=row, rows=())
    assert found.code == 0
    assert found.measured["neededBytes"] == 3_100_000_000
    assert "the GPU's driver did not answer any more" in found.content["gradeReasons"]
    assert found.content["elapsedSeconds"] < 60


def test_a_driver_that_does_not_work_leaves_the_rest_of_the_profile(machine: Machine, tmp_path: Path) -> None:
    machine.driver["init"] = "!18"
    machine.write()
    found = profile_on(machine, tmp_path, script="def init(): pass\ndef run(data): return data")
    assert (found.code, found.content["recommendation"]["gpu"]) == (0, None)
    assert "the driver was updated: restart the machine" in found.unknown["recommendation.gpu"]
