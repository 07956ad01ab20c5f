"""Watching through nvidia-ml-py, as a run does: which machines are watched, why others are not, whole cards noticed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from plimsoll.host.gpu.nvml import Gpu, GpuReading
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.gpu.session import GROWTH, GpuFindings, _preallocated, watch_gpus
from plimsoll.profiling.measure.gpu_watch import GpuWatch
from support.nvml import GIB, Machine, gpu, mig_slice

HIDDEN = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "PLIMSOLL_GPU")
WATCH = """
import json, sys
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.gpu.session import watch_gpus
with watch_gpus(sys.argv[1]) as found:
    seen = {"required": found.required, "unknown": found.unknown, "driver": found.driver_version, "gpus": None}
    if found.watch:
        found.watch.begin_server(Configuration(1), False, frozenset)
        found.watch.begin("capacity")
        found.watch.settle()
        uses = found.watch.servers[0].phases[0].uses
        seen["gpus"] = [[one.uuid, one.total_bytes, one.is_mig_slice] for one in found.watch.gpus]
        seen["used"] = [uses[one.uuid].used_bytes for one in found.watch.gpus]
        seen["power"] = [bool(uses[one.uuid].power_w) for one in found.watch.gpus]
        seen["lost"] = found.lost()
print(json.dumps(seen))
"""


def seen(machine: Machine, wanted: str = "auto", **variables: str) -> dict[str, Any]:
    """What a program of its own finds; nvidia-ml-py loads the driver's library once and for all."""
    own = {name: value for name, value in os.environ.items() if name not in HIDDEN}
    done = subprocess.run(
        [sys.executable, "-c", WATCH, wanted],
        env=own | machine.environment | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_all_visible_gpus_are_watched(machine: Machine) -> None:
    machine.has(gpu(0, used=3 * GIB), gpu(1, used=5 * GIB, milliwatts=None))
    found = seen(machine, "required")
    assert (found["required"], found["unknown"], found["driver"]) == (True, "", "580.82.07")
    assert [one[0][:5] for one in found["gpus"]] == ["GPU-0", "GPU-1"]
    assert found["used"] == [3 * GIB, 5 * GIB]
    assert found["power"] == [True, False]
    assert found["lost"] is None


def test_of_a_card_in_slices_the_slices_are_watched(machine: Machine) -> None:
    card = gpu(0, mig=1, busy=None)
    card.slices = [mig_slice(0, used=GIB), mig_slice(1, used=2 * GIB)]
    machine.has(card)
    found = seen(machine)
    assert [(one[1], one[2]) for one in found["gpus"]] == [(10 * GIB, True)] * 2
    assert found["used"] == [GIB, 2 * GIB]


def test_only_what_the_server_may_use_is_watched(machine: Machine) -> None:
    machine.has(gpu(0), gpu(1), gpu(2))
    assert [one[0][:5] for one in seen(machine, CUDA_VISIBLE_DEVICES="2,0")["gpus"]] == ["GPU-2", "GPU-0"]
    nothing = seen(machine, CUDA_VISIBLE_DEVICES="")
    assert (nothing["gpus"], "visible" in nothing["unknown"]) == (None, True)


def test_a_gpu_that_is_out_of_order_is_part_of_the_reason(machine: Machine) -> None:
    machine.has(gpu(0, error=15))
    found = seen(machine)
    assert found["gpus"] is None
    assert "GPU 0" in found["unknown"]
    assert found["driver"] == "580.82.07"


def test_no_driver_is_a_reason_and_no_error(machine: Machine) -> None:
    found = seen(machine, "required", LD_LIBRARY_PATH="")
    assert (found["required"], found["gpus"], found["driver"]) == (True, None, None)
    assert "libnvidia-ml.so.1" in found["unknown"]


def test_where_none_is_wanted_nobody_is_asked(machine: Machine) -> None:
    """Not even the driver for its version: a server that was told to use no GPU must not wake one."""
    machine.has(gpu(0))
    found = seen(machine, "off")
    assert (found["gpus"], found["driver"], found["required"]) == (None, None, False)
    assert found["unknown"]
    with watch_gpus("off") as unwatched:
        assert unwatched.lost() is None


def test_what_allocators_count_only_rises() -> None:
    found = GpuFindings()
    assert found.with_allocator([]).allocator_bytes is None
    assert found.with_allocator([0]).allocator_bytes is None, "nothing was handed out"
    grown = found.with_allocator([5, 9]).with_allocator([7])
    assert grown.allocator_bytes == 9
    assert grown.with_allocator([]).allocator_bytes == 9
    assert found.allocator_bytes is None, "findings are never changed in their place"


CARD = Gpu(0, "GPU-0", "NVIDIA H100 80GB HBM3", 80 * GIB)


class Steady:
    """A driver that says what is set."""

    used_bytes = 0

    def read(self, gpu: Gpu) -> GpuReading:
        return GpuReading(used_bytes=self.used_bytes, processes=())


def taken(*phases_gib: float, allocator_gib: float | None = None, total: int | None = 80 * GIB) -> list[int]:
    """Of a server that held so much in each phase: what is taken for a whole card."""
    driver = Steady()
    one = Gpu(0, "GPU-0", "a card", total)
    watch = GpuWatch(driver, [one])
    watch.begin_server(Configuration(1), False, frozenset)
    for number, size in enumerate(phases_gib):
        watch.begin(f"phase {number}")
        driver.used_bytes = round(size * GIB)
        watch._look()
    counted = None if allocator_gib is None else round(allocator_gib * GIB)
    return [size // GIB for size in _preallocated(watch, watch.servers[0], counted)]


@pytest.mark.parametrize(
    ("phases_gib", "allocator_gib", "whole"),
    [
        ((77.0,), None, [77]),  # TensorFlow's default: nearly all of it
        ((60.0, 60.0), None, []),  # three quarters, as JAX takes; nobody counts, so it may be the model
        ((60.0, 60.0), 3.0, [60]),  # an allocator handed out 3 GiB, and rows changed nothing
        ((60.0,), 3.0, []),  # no row has been sent yet
        ((60.0, 64.0), 3.0, []),  # it grew with the rows
        ((60.0, 60.0), 31.0, []),  # half of it is in use
        ((30.0, 30.0), 3.0, []),  # below half of the card
        ((), None, []),
    ],
)
def test_a_pool_that_rows_do_not_change_is_no_need(
    phases_gib: tuple[float, ...], allocator_gib: float | None, whole: list[int]
) -> None:
    assert taken(*phases_gib, allocator_gib=allocator_gib) == whole


def test_memory_that_is_the_hosts_is_nobodys_card() -> None:
    assert taken(77.0, total=None) == []


def test_growth_is_asked_for_in_the_frameworks_own_words() -> None:
    """tensorflow.org/guide/gpu and docs.jax.dev/en/latest/gpu_memory_allocation.html."""
    assert GROWTH == {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
