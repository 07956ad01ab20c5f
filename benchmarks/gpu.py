"""A ResNet-50 on a GPU: served one by one and with @batch, against the framework's own loop, and its memory.

python benchmarks/gpu.py [--device cuda|cpu] [--framework auto|torch|onnx] [--batch N] [--side PX] [--budget S]

Three runs, each with the GPU for itself: the framework alone, batch after batch in one process; `plimsoll --profile` of
a score.py that takes single pictures; the same with @batch. The rate is the greatest of the closed-loop levels; the
memory that the profile says is needed is held against what the loop held and, for PyTorch, what its allocator counted.
Without a GPU it ends with code 3; `--device cpu` goes the whole way on the CPU.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import gpu_models
from plimsoll.host.gpus import Nvml, NvmlMissing

HERE = Path(__file__).parent
NO_GPU_EXIT = 3
ROWS = 16
SCRIPT = """
import os, sys
from pathlib import Path
sys.path.insert(0, {here!r})
import gpu_models
import numpy as np
from plimsoll.entry import Response, batch, rawhttp

def init():
    global predict
    predict = gpu_models.load({framework!r}, Path(os.environ["AZUREML_MODEL_DIR"]), {device!r})
    predict(np.zeros(({most}, {side}, {side}, 3), np.uint8))

def pictures_of(requests):
    return np.stack([np.frombuffer(r.get_data(), np.uint8).reshape({side}, {side}, 3) for r in requests])

@rawhttp
{decorator}
"""
SINGLE = """def run(request):
    return Response(str(predict(pictures_of([request]))[0]), 200)"""
BATCHED = """@batch(max_size={most})
def run(requests):
    return [Response(str(found), 200) for found in predict(pictures_of(requests))]"""


@dataclass(frozen=True, slots=True)
class Served:
    """What a profile says."""

    pictures_per_s: float
    needed_bytes: int | None
    memory_bytes: int | None
    grade: str


def main() -> None:
    options = _options()
    if options.device == "cuda":
        print(_gpu_or_exit())
    framework = gpu_models.installed(options.framework)
    print(f"ResNet-50, {framework} on {options.device}, {options.side} px, batches of {options.batch}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gpu_models.make(framework, folder / "model")
        _write_pictures(folder / "requests", options.side)
        alone = _loop(framework, folder / "model", options)
        print(f"framework alone     {alone['pictures_per_s']:8.1f} pictures/s   {_held(alone)}")
        for title, batched in (("served one by one", False), ("served with @batch", True)):
            served = _profile(framework, folder, options, batched)
            share = served.pictures_per_s / alone["pictures_per_s"]
            print(f"{title:19} {served.pictures_per_s:8.1f} pictures/s   {share:4.0%} of the loop   {_needed(served)}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--framework", choices=("auto", "torch", "onnx"), default="auto")
    parser.add_argument("--batch", type=int, help="pictures in a batch [default: 32, on the CPU 4]")
    parser.add_argument("--side", type=int, help="pixels of a picture's side [default: 224, on the CPU 64]")
    parser.add_argument("--budget", type=float, default=45.0, help="seconds for each profile [default: 45]")
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds for the loop [default: 10]")
    options = parser.parse_args()
    on_gpu = options.device == "cuda"
    options.batch = options.batch or (32 if on_gpu else 4)
    options.side = options.side or (224 if on_gpu else 64)
    return options


def _gpu_or_exit() -> str:
    try:
        with Nvml.open() as nvml:
            gpus = nvml.gpus()
            if gpus:
                return f"{gpus[0].name}, driver {nvml.driver_version}"
            reason = "; ".join(["the driver shows none", *nvml.troubles])
    except NvmlMissing as missing:
        reason = str(missing)
    sys.stderr.write(f"no GPU: {reason}; --device cpu goes the same way on the CPU, with smaller pictures\n")
    sys.exit(NO_GPU_EXIT)


def _write_pictures(folder: Path, side: int) -> None:
    folder.mkdir()
    random = np.random.default_rng(gpu_models.SEED)
    for number in range(ROWS):
        (folder / f"{number:02}.bin").write_bytes(random.integers(0, 256, side * side * 3, np.uint8).tobytes())


def _loop(framework: str, model: Path, options: argparse.Namespace) -> dict[str, Any]:
    arguments = [framework, model, options.device, options.side, options.batch, options.seconds]
    command = [sys.executable, HERE / "gpu_loop.py", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the framework alone ended with code {done.returncode}:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _profile(framework: str, folder: Path, options: argparse.Namespace, batched: bool) -> Served:
    values = {"here": str(HERE), "framework": framework, "device": options.device, "side": options.side}
    most = options.batch if batched else 1
    decorator = BATCHED.format(most=most) if batched else SINGLE
    script, output = folder / f"score_{most}.py", folder / f"profile_{most}"
    script.write_text(SCRIPT.format(decorator=decorator, most=most, **values))
    command = ["--entry-script", script, "--model-dir", folder / "model", "--profile", folder / "requests"]
    command += ["--gpu", "required" if options.device == "cuda" else "off", "--budget", options.budget]
    command += ["--output", output]
    # The shape is given, so that none is searched: it is to be that of the loop.
    command += ["--workers", "1", "--threads", "1", "--max-batch-size", options.batch]
    done = subprocess.run([sys.executable, "-m", "plimsoll", *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the profile ended with code {done.returncode}:\n{done.stderr}")
    return _read(json.loads((output / "profile.json").read_text()))


def _read(content: dict[str, Any]) -> Served:
    levels, gpu = content["measurements"]["concurrencyLevels"], content["measurements"]["gpu"] or {}
    advice = content["recommendation"]["gpu"] or {}
    most = max(level["requestsPerSecond"] for level in levels)
    return Served(most, gpu.get("neededBytes"), advice.get("memoryBytes"), content["grade"])


def _held(found: dict[str, Any]) -> str:
    sizes = {"held": found["held_bytes"], "the allocator's peak": found["allocator_bytes"]}
    return ", ".join(f"{size / 1e6:.0f} MB {words}" for words, size in sizes.items() if size is not None)


def _needed(served: Served) -> str:
    if served.needed_bytes is None or served.memory_bytes is None:
        return f"grade {served.grade}"
    sizes = f"{served.needed_bytes / 1e6:.0f} MB needed, {served.memory_bytes / 1e6:.0f} MB recommended"
    return f"{sizes}, grade {served.grade}"


if __name__ == "__main__":
    main()
