"""From readings to an answer, case by case: whose memory it is, how much to ask for, which slice has room for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from plimsoll.host.gpu.nvml import Gpu, GpuProcess, GpuReading
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import GpuNeed, decide_gpu, recommend_gpu
from plimsoll.profiling.gpu.attribution import held, was_used
from plimsoll.profiling.gpu.mig import choose_slice, slice_name
from plimsoll.profiling.gpu.report import gpu_doubts
from plimsoll.profiling.gpu.session import GpuFindings
from plimsoll.profiling.measure.gpu_watch import GpuWatch
from plimsoll.profiling.run import Run
from support.made_up import census, row_cost, setup

MIB, GIB = 2**20, 2**30
CARD = Gpu(0, "GPU-0", "NVIDIA H100 80GB HBM3", 80 * GIB)
EMPTY: tuple[GpuProcess, ...] = ()
ONE = Configuration(1)
IDLE = GpuReading(used_bytes=300 * MIB, processes=EMPTY)


class Script:
    """A driver that says one reading after the other, and the last one for ever."""

    def __init__(self, *readings: GpuReading) -> None:
        self._readings = list(readings)

    def read(self, gpu: Gpu) -> GpuReading:
        return self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]


def watched(
    before: GpuReading,
    *during: GpuReading,
    after: GpuReading | None = None,
    tree: Sequence[int] = (),
    gpu: Gpu = CARD,
    configuration: Configuration = ONE,
    phase: str = "capacity",
) -> GpuWatch:
    """One server, one phase with these readings."""
    watch = GpuWatch(Script(before, *during), [gpu])
    watch.begin_server(configuration, False, lambda: frozenset(tree))
    watch.begin("start")
    watch.begin(phase)
    for _ in during:
        watch._look()
    watch.after = {gpu.uuid: after or before}
    return watch


def reading(used: int | None, *processes: tuple[int, int | None], listed: bool = True, **more: object) -> GpuReading:
    own = tuple(GpuProcess(pid, size) for pid, size in processes) if listed else None
    return dataclasses.replace(GpuReading(used_bytes=used, processes=own), **more)  # type: ignore[arg-type]


TENANT = (9, 20 * GIB)
BUSY = reading(20 * GIB, TENANT)
CASES = {
    "alone": (watched(IDLE, reading(4 * GIB, (70, 3 * GIB)), tree=[70]), "device", 4 * GIB - 300 * MIB),
    "alone, with the host's number": (watched(IDLE, reading(4 * GIB, (9999, None))), "device", 4 * GIB - 300 * MIB),
    "alone, and nobody is ever listed": (watched(IDLE, reading(4 * GIB)), "device", 4 * GIB - 300 * MIB),
    "alone, no list": (watched(reading(0, listed=False), reading(GIB, listed=False)), "device", GIB),
    "idle, memory falls": (watched(IDLE, reading(0)), "device", 0),
    "tenant, ours by number": (watched(BUSY, reading(23 * GIB, TENANT, (70, GIB)), tree=[70]), "processes", GIB),
    "tenant, ours is new": (watched(BUSY, reading(23 * GIB, TENANT, (9999, 3 * GIB))), "processes", 3 * GIB),
    "tenant, two of ours": (
        watched(BUSY, reading(1, TENANT, (71, GIB), (72, 2 * GIB)), tree=[71, 72]), "processes", 3 * GIB,
    ),
    "a tenant that came and stayed": (
        watched(IDLE, reading(9 * GIB, (70, GIB), (80, 8 * GIB)), after=reading(8 * GIB, (80, 8 * GIB))),
        "processes", GIB,
    ),
    "a tenant that came, ours by number": (
        watched(IDLE, reading(9 * GIB, (70, GIB), (80, 8 * GIB)), tree=[70]), "processes", GIB,
    ),
    "tenant, sizes not told": (watched(BUSY, reading(23 * GIB, TENANT, (70, None)), tree=[70]), None, None),
    "tenant, no list": (watched(reading(20 * GIB, listed=False), reading(23 * GIB, listed=False)), None, None),
    "tenant, an empty list": (watched(reading(20 * GIB), reading(23 * GIB)), None, None),
    "memory of the host": (watched(reading(None), reading(None)), None, None),
    "never read": (watched(IDLE), None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_whose_memory_it_is(name: str) -> None:
    watch, method, size_bytes = CASES[name]
    found = held(watch, watch.servers[0], CARD)
    assert (found.method, found.size_bytes) == (method, size_bytes)
    assert found.reason


@pytest.mark.parametrize(
    ("watch", "used"),
    [
        (watched(IDLE, reading(4 * GIB)), True),
        (watched(IDLE, IDLE), False),
        (watched(IDLE, dataclasses.replace(IDLE, utilisation=0.2)), True),
        (watched(IDLE, reading(300 * MIB, (70, None)), tree=[70]), True),
        (watched(BUSY, dataclasses.replace(BUSY, utilisation=0.9)), False),
        (watched(BUSY, reading(20 * GIB, TENANT, (70, None))), True),
        (watched(reading(20 * GIB, listed=False), reading(23 * GIB, listed=False)), None),
    ],
)
def test_any_sign_of_the_server_counts_and_no_sign_only_where_it_would_be_seen(
    watch: GpuWatch, used: bool | None
) -> None:
    assert was_used(watch, watch.servers[0], CARD) is used


def test_the_numbers_of_a_need() -> None:
    answer = recommend_gpu(1, GpuNeed(3 * GIB, "device"), CARD)
    assert answer.memory_bytes == 3584 * MIB  # 3 GiB · 1.15 = 3533 MiB
    assert answer.fraction == pytest.approx(3.5 / 80)
    assert recommend_gpu(1, GpuNeed(256 * MIB, "device"), CARD).memory_bytes == 512 * MIB
    with_context = recommend_gpu(1, GpuNeed(2 * GIB, "allocator", processes=2), CARD)
    assert with_context.memory_bytes == 3584 * MIB  # 2 GiB and two contexts of 512 MiB
    assert "2 CUDA context(s)" in with_context.reason


def test_what_just_fits_is_not_more_than_the_card() -> None:
    assert recommend_gpu(1, GpuNeed(75 * GIB, "device"), CARD).memory_bytes == 80 * GIB
    too_much = recommend_gpu(1, GpuNeed(81 * GIB, "processes"), CARD)
    assert too_much.fraction is not None
    assert too_much.fraction > 1


@pytest.mark.parametrize(
    ("name", "total_gib", "need_gib", "profile"),
    [
        ("NVIDIA A30", 24, 5.8, "1g.6gb"),
        ("NVIDIA A30", 24, 6.0, "2g.12gb"),
        ("NVIDIA A100-SXM4-40GB", 39.6, 4.5, "1g.5gb"),
        ("NVIDIA A100-SXM4-80GB", 80, 4.5, "1g.10gb"),
        ("NVIDIA A100 80GB PCIe", 80, 19, "1g.20gb"),
        ("NVIDIA H100 80GB HBM3", 79.6, 9.7, "1g.10gb"),
        ("NVIDIA H100 80GB HBM3", 79.6, 9.8, "1g.20gb"),
        ("NVIDIA H100 NVL", 93.6, 9.8, "1g.12gb"),
        ("NVIDIA H200", 140.4, 33, "3g.71gb"),
        ("NVIDIA B200", 179, 100, "7g.180gb"),
        ("NVIDIA A30", 24, 23.9, None),
        ("NVIDIA L4", 23, 1, None),
        ("NVIDIA A100-SXM4-40GB MIG 3g.20gb", 19.6, 4.5, "1g.5gb"),
        ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", 9.5, 4.5, "1g.10gb"),
    ],
)
def test_the_smallest_slice_with_room(name: str, total_gib: float, need_gib: float, profile: str | None) -> None:
    gpu = Gpu(0, "GPU-0", name, int(total_gib * GIB), is_mig_slice="MIG" in name)
    choice = choose_slice(gpu, int(need_gib * GIB))
    assert choice.profile == profile
    assert choice.reason


def test_a_slice_names_its_profile() -> None:
    assert slice_name("NVIDIA A100-SXM4-40GB MIG 1g.5gb") == "1g.5gb"
    assert slice_name("NVIDIA A100-SXM4-40GB") is None


def judged(watch: GpuWatch, required: bool = False) -> Findings:
    """What a run makes of it in the end."""
    run = Run(setup())
    run.keep(gpu=GpuFindings(required=required, unknown="", watch=watch), census=census(row_cost(0)))
    run._judge_gpu(decide_gpu(run.findings.gpu, ONE))
    return run.findings


def test_a_gpu_that_was_wanted_and_not_used_ends_in_3() -> None:
    found = judged(watched(IDLE, IDLE), required=True)
    assert found.problem is not None
    assert (found.problem.code, found.problem.exit_code) == ("gpu_unused", 3)
    assert decide_gpu(found.gpu, ONE).answer is None


def test_a_gpu_that_nobody_asked_for_and_was_not_used_is_a_warning() -> None:
    found = judged(watched(IDLE, IDLE))
    assert found.problem is None
    assert "the GPU was never used" in found.warnings[0]


def test_where_nobody_can_tell_nothing_is_said_of_use() -> None:
    found = judged(watched(reading(20 * GIB, listed=False), reading(23 * GIB, listed=False)), required=True)
    assert (found.problem, found.warnings) == (None, ())
    assert found.gpu.unknown.startswith("whether the GPU was used is not known: 21.5 GB of the device were in use")


def test_an_allocator_tells_of_use_and_need_where_the_driver_does_not() -> None:
    watch = watched(reading(20 * GIB, listed=False), reading(23 * GIB, listed=False))
    found = GpuFindings(watch=watch).with_allocator([GIB, 2 * GIB]).with_allocator([])
    need = decide_gpu(found, ONE).need
    assert need is not None
    assert (need.method, need.size_bytes, need.with_context_bytes) == ("allocator", 2 * GIB, 2 * GIB + 512 * MIB)


def test_memory_that_belongs_to_the_host_is_no_cards() -> None:
    """As on a chip with one memory for both: what the server's processes hold may be told, a share of it not."""
    gpu = dataclasses.replace(CARD, total_bytes=None)
    watch = watched(BUSY, reading(23 * GIB, TENANT, (70, 3 * GIB)), tree=[70], gpu=gpu)
    answer = decide_gpu(GpuFindings(watch=watch), ONE).answer
    assert answer is not None
    assert (answer.count, answer.memory_bytes) == (1, None)
    assert "no memory of its own" in answer.reason


def doubts_of(watch: GpuWatch, configuration: Configuration = ONE) -> list[str]:
    return gpu_doubts(watch, decide_gpu(GpuFindings(watch=watch), configuration))


def test_servers_of_the_recommended_configuration_count_and_trials_do_not() -> None:
    """Two workers hold twice as much; a server that is held to its limits shows those, not its need."""
    watch = watched(IDLE, reading(4 * GIB))
    for configuration, trial, used in ((Configuration(2), False, 7 * GIB), (Configuration(2), True, 9 * GIB)):
        watch._nvml = Script(reading(used))
        watch.begin_server(configuration, trial, frozenset)
        watch.begin("2 workers: capacity")
        watch._look()
    needs = [
        decide_gpu(GpuFindings(watch=watch), configuration).need
        for configuration in (Configuration(1), Configuration(2), Configuration(3))
    ]
    sizes = [need.size_bytes + 300 * MIB if need else None for need in needs]
    assert sizes == [4 * GIB, 7 * GIB, 7 * GIB]
    doubts = doubts_of(watch, Configuration(2))
    assert any("inside the limits the server held 9.35 GB" in doubt for doubt in doubts)


def test_a_reading_now_and_then_is_no_doubt() -> None:
    slowed = reading(4 * GIB, throttle_reasons=("thermal",), utilisation=0.5)
    calm = reading(4 * GIB, utilisation=0.5)
    seldom = watched(IDLE, slowed, *[calm] * 40)
    often = watched(IDLE, *[slowed] * 5, *[calm] * 5)
    assert doubts_of(seldom) == []
    assert doubts_of(often) == ["GPU 0 was throttled by heat (thermal) in 50% of the readings under load"]


def test_a_lost_gpu_is_told_once_and_nothing_read_after_it() -> None:
    watch = watched(IDLE, reading(4 * GIB), GpuReading(lost=True), GpuReading(lost=True))
    assert watch.lost == "NVIDIA H100 80GB HBM3 (GPU-0) was lost"
    found = judged(watch)
    assert found.problem is not None
    assert found.problem.code == "gpu_lost"
    need = decide_gpu(found.gpu, ONE).need
    assert need is not None
    assert need.size_bytes == 4 * GIB - 300 * MIB


def test_a_driver_that_fails_ends_the_watch_and_not_the_run() -> None:
    class Broken(Script):
        def read(self, gpu: Gpu) -> GpuReading:
            if self._readings:
                return self._readings.pop()
            raise OSError("gone")

    with GpuWatch(Broken(IDLE), [CARD], interval_s=0.001) as watch:
        watch._thread.join(5)
    assert watch.trouble == "the GPU could not be read any more: gone"
    assert doubts_of(watch) == [watch.trouble]
