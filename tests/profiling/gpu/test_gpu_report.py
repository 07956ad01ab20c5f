"""What is written of the GPUs, and the environment that holds a server to its part of one."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.host.gpu.nvml import THROTTLING, Gpu, GpuProcess, GpuReading
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.gpu.answer import (
    CONTEXT_BYTES,
    GpuNeed,
    GpuVerdict,
    decide_gpu,
    gpu_environment,
    gpus_in_use,
    preallocation_sentence,
    recommend_gpu,
    why_unused,
)
from plimsoll.profiling.gpu.attribution import gigabytes
from plimsoll.profiling.gpu.report import _SAYS, gpu_doubts, gpu_measurements
from plimsoll.profiling.gpu.session import GpuFindings
from plimsoll.profiling.measure.gpu_watch import GpuWatch

MIB, GIB = 2**20, 2**30
ONE = Configuration(1)
CARD = Gpu(0, "GPU-0", "NVIDIA H100 80GB HBM3", 80 * GIB)
IDLE = GpuReading(used_bytes=GIB // 4, processes=())
LOADED = GpuReading(
    used_bytes=5 * GIB, utilisation=0.5, power_w=300.0, temperature_c=70.0, throttle_reasons=(), processes=()
)


class Script:
    """A driver that says one reading after the other, and the last one for ever."""

    def __init__(self, *readings: GpuReading) -> None:
        self._readings = list(readings)

    def read(self, gpu: Gpu) -> GpuReading:
        return self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]


def watched(*during: GpuReading, phase: str = "capacity", gpu: Gpu = CARD) -> GpuWatch:
    watch = GpuWatch(Script(IDLE, *during), [gpu])
    watch.begin_server(ONE, False, frozenset)
    watch.begin(phase)
    for _ in during:
        watch._look()
    watch.after = {gpu.uuid: IDLE}
    return watch


def verdict_of(watch: GpuWatch) -> tuple[GpuFindings, GpuVerdict]:
    found = GpuFindings(watch=watch, driver_version="580.1")
    return found, decide_gpu(found, ONE)


def test_where_none_was_watched_nothing_is_written() -> None:
    nothing = GpuVerdict([], None)
    assert gpu_measurements(GpuFindings(), nothing) is None
    assert gpu_measurements(GpuFindings(watch=GpuWatch(Script(IDLE), [CARD])), nothing) is None, "no server ran"
    assert gpu_doubts(None, nothing) == []


def test_a_device_is_written_as_it_was_read() -> None:
    hot = dataclasses.replace(LOADED, utilisation=0.9, power_w=500.0, temperature_c=80.0, throttle_reasons=("thermal",))
    found, verdict = verdict_of(watched(LOADED, hot))
    written = gpu_measurements(found, verdict)
    assert written is not None
    (device,) = written.devices
    assert (device.index, device.uuid, device.name, device.is_mig_slice) == (0, "GPU-0", CARD.name, False)
    assert (device.baseline_bytes, device.peak_bytes) == (GIB // 4, 5 * GIB)
    assert (device.delta_bytes, device.method) == (5 * GIB - GIB // 4, "device")
    assert (device.utilisation.mean, device.utilisation.max) == (pytest.approx(0.7), 0.9)
    assert (device.power_watts.mean, device.power_watts.max) == (pytest.approx(400.0), 500.0)
    assert (device.hottest_celsius, device.throttling) == (80.0, {"thermal": 0.5})
    assert written.held_bytes == written.needed_bytes == device.delta_bytes
    assert written.driver_version == "580.1"


@pytest.mark.parametrize("phase", ["start", "census", "verify: start"])
def test_how_busy_a_card_is_counts_under_load_only(phase: str) -> None:
    found, verdict = verdict_of(watched(LOADED, phase=phase))
    written = gpu_measurements(found, verdict)
    assert written is not None
    assert (written.devices[0].utilisation.mean, written.devices[0].power_watts.max) == (None, None)
    assert written.devices[0].delta_bytes == 5 * GIB - GIB // 4, "what it holds counts from the start on"


@pytest.mark.parametrize("prefix", ["", "2 workers: "])
@pytest.mark.parametrize("phase", ["warm-up", "capacity", "growth", "open loop"])
def test_phases_under_load_are_known_by_their_name_whatever_the_server(prefix: str, phase: str) -> None:
    found, verdict = verdict_of(watched(LOADED, phase=prefix + phase))
    written = gpu_measurements(found, verdict)
    assert written is not None
    assert written.devices[0].utilisation.mean == 0.5


@pytest.mark.parametrize("reason", sorted(THROTTLING.values()))
def test_every_reason_to_throttle_has_words(reason: str) -> None:
    found, verdict = verdict_of(watched(dataclasses.replace(LOADED, throttle_reasons=(reason,))))
    (doubt,) = gpu_doubts(found.watch, verdict)
    assert reason in _SAYS
    assert reason in doubt
    assert "GPU 0" in doubt
    assert "100%" in doubt


def test_a_card_that_idles_is_a_doubt_and_one_that_does_not_tell_is_none() -> None:
    for utilisation, count in ((0.04, 1), (0.06, 0), (None, 0)):
        found, verdict = verdict_of(watched(dataclasses.replace(LOADED, utilisation=utilisation)))
        assert len(gpu_doubts(found.watch, verdict)) == count


def test_a_neighbour_on_the_card_is_a_doubt() -> None:
    beside = dataclasses.replace(LOADED, processes=(GpuProcess(99, GIB),))
    watch = watched(beside)
    watch.after = {"GPU-0": dataclasses.replace(IDLE, processes=(GpuProcess(99, GIB),))}
    found, verdict = verdict_of(watch)
    assert any("1 other" in doubt for doubt in gpu_doubts(found.watch, verdict))


@settings(deadline=None)
@given(size=st.integers(1, 90 * GIB), workers=st.integers(1, 8), allocator=st.booleans())
def test_what_is_recommended_holds_the_need_with_headroom(size: int, workers: int, allocator: bool) -> None:
    need = GpuNeed(size, "allocator" if allocator else "device", workers)
    answer = recommend_gpu(1, need, CARD)
    whole = size + (CONTEXT_BYTES * workers if allocator else 0)
    assert need.with_context_bytes == whole
    assert answer.memory_bytes is not None
    assert answer.memory_bytes >= whole
    assert answer.memory_bytes >= min(whole * 1.15, 80 * GIB)
    assert answer.memory_bytes % (256 * MIB) == 0
    assert answer.memory_bytes < whole * 1.15 + 256 * MIB or answer.memory_bytes == 80 * GIB
    assert answer.fraction == answer.memory_bytes / (80 * GIB)


@settings(deadline=None)
@given(size=st.integers(MIB, 60 * GIB), workers=st.integers(1, 8))
def test_the_workers_share_what_is_recommended(size: int, workers: int) -> None:
    """Each may allocate its part less a CUDA context; all of them together never more than was asked for."""
    verdict = GpuVerdict([], recommend_gpu(1, GpuNeed(size, "device"), CARD))
    variables = gpu_environment(verdict, {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}, workers)
    assert verdict.answer is not None
    assert verdict.answer.memory_bytes is not None
    share = int(variables["PLIMSOLL_GPU_MEMORY_BYTES"])
    assert 0 < share * workers <= verdict.answer.memory_bytes
    assert variables["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"


def test_no_gpu_needs_no_environment() -> None:
    assert gpu_environment(GpuVerdict([], None), {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}, 2) == {}
    assert gpus_in_use(GpuFindings(), ONE) == 0
    found, _ = verdict_of(watched(LOADED))
    assert gpus_in_use(found, ONE) == 1


def test_why_a_gpu_was_not_used_tells_unused_from_unknown() -> None:
    _, unused = verdict_of(watched(IDLE))
    assert "never used" in why_unused(unused)
    hidden = GpuReading(used_bytes=40 * GIB)
    watch = GpuWatch(Script(hidden, hidden), [CARD])
    watch.begin_server(ONE, False, frozenset)
    watch.begin("capacity")
    watch._look()
    _, unknown = verdict_of(watch)
    assert "not known" in why_unused(unknown)


def test_a_preallocation_names_both_sizes() -> None:
    sentence = preallocation_sentence(76 * 10**9, GpuNeed(3_600_000_000, "device"))
    assert "76.0 GB" in sentence
    assert "3.60 GB" in sentence


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0.00 GB"), (3_105_000_000, "3.10 GB"), (9_994_000_000, "9.99 GB"), (10**10, "10.0 GB"),
                        (84e9, "84.0 GB")]
)  # fmt: skip
def test_gigabytes_are_decimal(size: float, shown: str) -> None:
    assert gigabytes(size) == shown
