"""How short a peak of memory may be that a profile still sees: 1 GB for a while, many times, under its own watch."""

from __future__ import annotations

import time
from itertools import pairwise

from benchmarks.gpu.claims import GB
from benchmarks.gpu.holder import Holder
from benchmarks.gpu.stage import Stage
from benchmarks.gpu.steps.context import used_bytes
from plimsoll.host.gpu.nvml import Gpu, Nvml
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.measure.gpu_watch import GpuWatch

_COUNT, _SEEN_SHARE = 15, 0.9
# No multiple of the watch's pause, so that peaks come at every place between two of its looks.
_PAUSE_S = 0.137
_DENSE_S = 0.01


def run(stage: Stage) -> None:
    for claim in stage.step.claims:
        length_s = int(claim.key.rpartition(".")[2]) / 1e3
        if stage.wants(claim.key):
            with stage.part(claim.key), stage.gpu() as (nvml, gpu):
                _try(stage, claim.key, length_s, nvml, gpu)


def _try(stage: Stage, key: str, length_s: float, nvml: Nvml, gpu: Gpu) -> None:
    stage.check_room(2 * GB)
    with Holder(stage.device, stage.folder) as holder:
        low = used_bytes(nvml, gpu)
        seen = _seen_by_watch(holder, length_s, nvml, gpu, low)
        dense, reading_ms = _seen_densely(holder, length_s, nvml, gpu, low)
    every_ms = _DENSE_S * 1e3
    why = f"{_COUNT} peaks; reading memory alone every {every_ms:.0f} ms sees {dense:.2f} ({reading_ms:.2f} ms each)"
    stage.tell(key, seen, why)


def _seen_by_watch(holder: Holder, length_s: float, nvml: Nvml, gpu: Gpu, low: int) -> float:
    """Each peak is a phase of its own, as the watch keeps one highest reading for each."""
    with GpuWatch(nvml, [gpu]) as watch:
        watch.begin_server(Configuration(1, 1), trial=False, tree=frozenset)
        for _ in range(_COUNT):
            watch.begin("peak")
            holder.begin("peaks", 1, length_s, GB, _PAUSE_S)
            holder.end()
    peaks = [phase.uses[gpu.uuid].used_bytes or 0 for phase in watch.servers[0].phases]
    return sum(peak - low > _SEEN_SHARE * GB for peak in peaks) / _COUNT


def _seen_densely(holder: Holder, length_s: float, nvml: Nvml, gpu: Gpu, low: int) -> tuple[float, float]:
    """The share seen, and what one reading takes in ms."""
    holder.begin("peaks", _COUNT, length_s, GB, _PAUSE_S)
    until_s, highs, took_s, reads = time.monotonic() + _COUNT * (_PAUSE_S + length_s), [False], 0.0, 0
    while time.monotonic() < until_s:
        begun_s = time.perf_counter()
        high = (nvml.used_bytes(gpu) or 0) - low > _SEEN_SHARE * GB
        took_s, reads = took_s + time.perf_counter() - begun_s, reads + 1
        highs.append(high)
        time.sleep(_DENSE_S)
    holder.end()
    rises = sum(now and not before for before, now in pairwise(highs))
    return rises / _COUNT, took_s / reads * 1e3
