"""Profiles of scripts of which the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.gpu.claims import GB
from benchmarks.gpu.profiled import Profiled, profile
from benchmarks.gpu.stage import NotTried, Stage

_BUDGET_S = 10.0
_COMPUTES = "0.005"
# Growth is read over a tenth of the budget, and begins where an allocator's own habits end: 40 MB.
_GROWS_BYTES, _GROWTH_BUDGET_S, _GROWTH_COMPUTES = 100_000, 30.0, "0.002"


def run(stage: Stage) -> None:
    stage.run(
        {
            ("truth.hold", "truth.compute"): _steady,
            ("truth.heavy",): _heavy,
            ("truth.growth",): _growth,
            ("truth.idle",): _idle,
            ("truth.grab",): _grab,
        }
    )


def _profile(stage: Stage, *rows: str, environment: Mapping[str, str], budget_s: float = _BUDGET_S) -> Profiled:
    if stage.on_gpu:
        stage.check_room(int(environment["PROOF_HOLDS"]) + 2 * GB)
    dataset = stage.folder / "rows.txt"
    dataset.write_text("\n".join([*(f"row {number}" for number in range(12)), *rows, ""]))
    gpu = "required" if stage.on_gpu else "off"
    own = {"PROOF_DEVICE": stage.device, **environment}
    # The configuration is given, so that no other one is tried.
    flags = ("--gpu", gpu, "--workers", "1", "--threads", "1")
    return profile(stage.folder, "truth.py", dataset, budget_s, *flags, environment=own)


def _steady(stage: Stage) -> None:
    clock = stage.folder / "computed"
    holds = {"PROOF_TRUTH": str(clock), "PROOF_HOLDS": str(2 * GB), "PROOF_COMPUTES": _COMPUTES}
    found = _profile(stage, environment=holds)
    true_s = float(clock.read_text())
    latency_s = found.measurements["request"]["latencySeconds"]["p50"]
    why = f"{latency_s * 1e3:.2f} ms, the script's median is {true_s * 1e3:.2f} ms"
    stage.tell("truth.compute", latency_s / true_s, why, found.command)
    if stage.wants("truth.hold"):
        _check_need(stage, "truth.hold", found, 2 * GB)


def _heavy(stage: Stage) -> None:
    holds = {"PROOF_HOLDS": str(10 * GB), "PROOF_COMPUTES": _COMPUTES}
    found = _profile(stage, "heavy", environment=holds)
    _check_need(stage, "truth.heavy", found, 11 * GB)


def _growth(stage: Stage) -> None:
    grows = {"PROOF_HOLDS": str(GB), "PROOF_GROWS": str(_GROWS_BYTES), "PROOF_COMPUTES": _GROWTH_COMPUTES}
    found = _profile(stage, budget_s=_GROWTH_BUDGET_S, environment=grows)
    growth = found.gpu["growth"]
    if growth is None or growth["verdict"] != "growing":
        raise ValueError(f"the profile did not notice that the memory grows: {growth}")
    each_bytes = growth["bytesPer1000Requests"] / 1000
    why = f"{each_bytes / 1e3:.1f} kB for each of {growth['requests']:,} requests"
    stage.tell("truth.growth", each_bytes / _GROWS_BYTES, why, found.command)


def _grab(stage: Stage) -> None:
    grabs = {"PROOF_HOLDS": str(3 * GB), "PROOF_GRABS": "1", "TF_FORCE_GPU_ALLOW_GROWTH": "false"}
    found = _profile(stage, environment=grabs | {"PROOF_COMPUTES": _COMPUTES})
    if not found.gpu["preallocates"]:
        raise ValueError(f"the profile did not notice that the script takes {_gb(found.gpu['heldBytes'])} at its start")
    _check_need(stage, "truth.grab", found, 3 * GB)


def _check_need(stage: Stage, key: str, found: Profiled, held_bytes: int) -> None:
    """By the framework's own count where there is one, else by what the script says that it holds."""
    context_bytes = stage.facts.get("context_bytes")
    if context_bytes is None:
        raise NotTried("the size of a context is not known: the step context did not find it")
    needed, counted = found.gpu["neededBytes"], found.gpu["allocatorPeakBytes"]
    if needed is None:
        raise ValueError("the profile does not say how much is needed")
    true_bytes = (counted or held_bytes) + context_bytes
    by = "allocator" if counted else "script"
    why = f"{_gb(needed)} needed, by the {by} and the context {_gb(true_bytes)}, held {_gb(found.gpu['heldBytes'])}"
    stage.tell(key, needed / true_bytes, why, found.command)


def _gb(size: Any) -> str:
    return "unknown" if size is None else f"{size / GB:.2f} GB"


def _idle(stage: Stage) -> None:
    found = _profile(stage, environment={"PROOF_HOLDS": str(GB)})
    reasons = [reason for reason in found.content["gradeReasons"] if "idle" in reason and "GPU" in reason]
    stage.tell("truth.idle", bool(reasons), "; ".join(reasons), found.command)


def dataset_of(folder: Path, pictures: list[bytes]) -> Path:
    """One file for each."""
    rows = folder / "pictures"
    rows.mkdir(exist_ok=True)
    for number, picture in enumerate(pictures):
        (rows / f"{number:02}.bin").write_bytes(picture)
    return rows
