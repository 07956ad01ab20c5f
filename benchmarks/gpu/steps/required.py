"""Whether a server that must use the GPU does, and says so; its metrics; its warm-up."""

from __future__ import annotations

import statistics
import time

from benchmarks.gpu import models
from benchmarks.gpu.claims import GB, MB
from benchmarks.gpu.served import Served
from benchmarks.gpu.stage import Stage
from benchmarks.gpu.steps.serving import setting

_NOT_STARTED = 3
_METRICS = (
    "memory_used_bytes",
    "memory_total_bytes",
    "utilization_ratio",
    "power_watts",
    "energy_joules_total",
    "temperature_celsius",
    "throttled",
    "lost",
)
_CALLS = 30
_FRESH_S = 0.7
"""The server asks the driver at most twice a second, and did so while the script was loading."""


def run(stage: Stage) -> None:
    stage.run(
        {
            ("required.ready", "metrics"): _ready,
            ("required.cpu",): _on_cpu,
            ("required.hidden",): _hidden,
            ("warmup",): _warmup,
        }
    )


def _ready(stage: Stage) -> None:
    holds = {"PROOF_DEVICE": stage.device, "PROOF_HOLDS": str(GB)}
    with stage.gpu() as (nvml, gpu), Served(stage.folder, "truth.py", holds, "--gpu", "required") as server:
        stage.tell("required.ready", server.post(b"1")[0] == 200, command=server.command)
        time.sleep(_FRESH_S)
        found = server.metrics()
        missing = [name for name in _METRICS if f"plimsoll_gpu_{name}" not in found]
        apart = abs(found.get("plimsoll_gpu_memory_used_bytes", 0) - (nvml.used_bytes(gpu) or 0))
        why = f"missing: {', '.join(missing) or 'none'}; memory in use {apart / MB:.0f} MB apart"
        stage.tell("metrics", not missing and apart < 64 * MB, why)


def _on_cpu(stage: Stage) -> None:
    _refused(stage, "required.cpu", {"PROOF_DEVICE": "cpu"})


def _hidden(stage: Stage) -> None:
    _refused(stage, "required.hidden", {"PROOF_DEVICE": stage.device, "CUDA_VISIBLE_DEVICES": ""})


def _refused(stage: Stage, key: str, environment: dict[str, str]) -> None:
    with Served(stage.folder, "truth.py", environment, "--gpu", "required", wait=False) as server:
        code = server.wait_decided()
        said = "it is ready" if code is None else f"code {code}: {server.last_line()}"
        stage.tell(key, code == _NOT_STARTED, said, server.command)


def _warmup(stage: Stage) -> None:
    device, side = setting(stage)
    (picture,) = models.pictures(side, 1)
    rows = stage.folder / "warmup"
    rows.mkdir(exist_ok=True)
    (rows / "picture.bin").write_bytes(picture)
    environment = {"PROOF_DEVICE": device, "PROOF_SIDE": str(side)}
    cold, _ = _first_against_median(stage, picture, environment)
    warm, command = _first_against_median(stage, picture, environment, "--warmup", str(rows))
    stage.tell("warmup", warm, f"without --warmup {cold:.1f} times", command)


def _first_against_median(stage: Stage, picture: bytes, environment: dict[str, str], *flags: str) -> tuple[float, str]:
    with Served(stage.folder, "pictures.py", environment, *flags) as server:
        first, *later = server.latencies_s(picture, _CALLS)
        return first / statistics.median(later), server.command
