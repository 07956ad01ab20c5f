"""What a process takes of a card before it holds anything of its own: two constants rest on it, which were guessed."""

from __future__ import annotations

import time

from benchmarks.gpu.claims import GB, MB
from benchmarks.gpu.holder import Holder
from benchmarks.gpu.stage import NotTried, Stage
from plimsoll.host.gpu.nvml import Gpu, Nvml

SETTLED_S = 0.3
_ROUNDS, _FREED_S, _NOISE_S = 3, 6.0, 2.0
_NEAR_BYTES = 4 * MB


def run(stage: Stage) -> None:
    stage.run({("context.noise",): _noise, ("context.bare", "context.libraries"): _sizes, ("context.freed",): _freed})


def used_bytes(nvml: Nvml, gpu: Gpu) -> int:
    """Once it has settled."""
    time.sleep(SETTLED_S)
    used = nvml.used_bytes(gpu)
    if used is None:
        raise NotTried("the driver does not report how much memory is in use")
    return used


def _noise(stage: Stage) -> None:
    with stage.gpu() as (nvml, gpu):
        until_s, sizes = time.monotonic() + _NOISE_S, [used_bytes(nvml, gpu)]
        while time.monotonic() < until_s:
            sizes.append(nvml.used_bytes(gpu) or 0)
            time.sleep(0.01)
        stage.tell("context.noise", (max(sizes) - min(sizes)) / MB, f"{len(sizes)} readings in {_NOISE_S:.0f} s")


def _sizes(stage: Stage) -> None:
    bare, loaded = [], []
    with stage.gpu() as (nvml, gpu):
        for _ in range(_ROUNDS):
            before = used_bytes(nvml, gpu)
            with Holder(stage.device, stage.folder) as holder:
                bare.append(used_bytes(nvml, gpu) - before - (holder.allocated_bytes() or 0))
                holder.libraries()
                loaded.append(used_bytes(nvml, gpu) - before - (holder.allocated_bytes() or 0))
            used_bytes(nvml, gpu)
    stage.fact("context_bytes", max(bare))
    stage.fact("context_with_libraries_bytes", max(loaded))
    stage.tell("context.bare", min(bare) / MB, _spread(bare))
    stage.tell("context.libraries", max(loaded) / MB, _spread(loaded))


def _spread(sizes: list[int]) -> str:
    return (
        f"{len(sizes)} processes: {', '.join(f'{size / MB:.0f} MB' for size in sizes)}, less what the allocator holds"
    )


def _freed(stage: Stage) -> None:
    stage.check_room(3 * GB)
    with stage.gpu() as (nvml, gpu):
        before = used_bytes(nvml, gpu)
        with Holder(stage.device, stage.folder) as holder:
            holder.hold(2 * GB)
            holder.kill()
            begun_s = time.monotonic()
            while (passed_s := time.monotonic() - begun_s) < _FREED_S:
                if (nvml.used_bytes(gpu) or 0) < before + _NEAR_BYTES:
                    break
                time.sleep(0.01)
        stage.tell("context.freed", passed_s, "2 GB and a context")
