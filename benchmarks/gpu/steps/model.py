"""A profile of ResNet-50: the line that batches follow, and what it costs on CPUs."""

from __future__ import annotations

from benchmarks.gpu import models
from benchmarks.gpu.profiled import Profiled, profile
from benchmarks.gpu.stage import NotTried, Stage
from benchmarks.gpu.steps.serving import loop_of, setting
from benchmarks.gpu.steps.truths import dataset_of

_CPU_S, _GPU_S, _PRICE_RATIO = 20.0, 25.0, 8
_PICTURES = 16


def run(stage: Stage) -> None:
    with stage.part("fit.8", "fit.64"):
        _check_fit(stage, _on_gpu(stage) if stage.on_gpu else _on_cpu(stage))
    if stage.on_gpu:
        # Last of all: a large model takes its time on CPUs.
        with stage.part("price"):
            against = ("--cpu-profile", str(_on_cpu(stage).path), "--gpu-price-ratio", str(_PRICE_RATIO))
            _check_price(stage, _on_gpu(stage, *against))


def _profile(stage: Stage, device: str, budget_s: float, *flags: str) -> Profiled:
    side = setting(stage)[1]
    rows = dataset_of(stage.folder, models.pictures(side, _PICTURES))
    flags = ("--workers", "1", "--threads", "1", "--max-batch-size", "64", *flags)
    environment = {"PROOF_DEVICE": device, "PROOF_SIDE": str(side)}
    return profile(stage.folder, "batches.py", rows, budget_s, *flags, environment=environment)


def _on_cpu(stage: Stage) -> Profiled:
    return _profile(stage, "cpu", _CPU_S, "--gpu", "off")


def _on_gpu(stage: Stage, *flags: str) -> Profiled:
    return _profile(stage, "cuda", _GPU_S, "--gpu", "required", *flags)


def _check_fit(stage: Stage, found: Profiled) -> None:
    fit, loop = found.measurements["batchFit"], loop_of(stage)
    if not fit:
        raise NotTried("the profile saw no batches of several sizes")
    for size in (8, 64):
        fitted_s = fit["secondsPerCall"] * size + fit["secondsPerBatch"]
        why = f"{fitted_s * 1e3:.2f} ms against {loop[size]['batch_s'] * 1e3:.2f} ms"
        stage.tell(f"fit.{size}", fitted_s / loop[size]["batch_s"], why, found.command)


def _check_price(stage: Stage, found: Profiled) -> None:
    answer = (found.content["recommendation"]["gpu"] or {}).get("againstCpu")
    if not answer:
        raise NotTried(f"the profile does not compare: {found.content['warnings']}")
    cheaper = "gpu" if answer["gpuVcpuHoursPerMillion"] < answer["cpuVcpuHoursPerMillion"] else "cpu"
    stage.tell("price", answer["recommended"] == cheaper, answer["reason"], found.command)
