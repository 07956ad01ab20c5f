"""Which worker gets which GPU, and how much of it."""

from __future__ import annotations

import pytest

from plimsoll.host.gpu.nvml import Gpu
from plimsoll.workers.gpu_shares import gpu_environments, share_bytes, without_gpus

GIB = 2**30
ONE, TWO = (Gpu(number, f"GPU-{number}", "a GPU", 80 * GIB) for number in range(2))
SLICE = Gpu(1, "MIG-0", "a slice", 10 * GIB, mig=True, parent="GPU-1", is_mig_slice=True)


def test_workers_go_round_by_uuid() -> None:
    found = gpu_environments([ONE, SLICE], 3, "auto", {})
    assert [one["CUDA_VISIBLE_DEVICES"] for one in found] == ["GPU-0", "MIG-0", "GPU-0"]
    assert {one["PLIMSOLL_GPU"] for one in found} == {"auto"}


def test_only_those_that_share_a_gpu_get_a_share() -> None:
    found = gpu_environments([ONE, TWO], 3, "required", {})
    shares = [one.get("PLIMSOLL_GPU_MEMORY_BYTES") for one in found]
    half = str(40 * GIB - GIB // 2)
    assert shares == [half, None, half]


def test_frameworks_must_not_take_it_all_unless_the_user_says_so() -> None:
    (found,) = gpu_environments([ONE], 1, "auto", {"XLA_PYTHON_CLIENT_PREALLOCATE": "true"})
    assert found["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert "XLA_PYTHON_CLIENT_PREALLOCATE" not in found


def test_a_share_that_the_user_gave_stays() -> None:
    found = gpu_environments([ONE], 2, "auto", {"PLIMSOLL_GPU_MEMORY_BYTES": "7"})
    assert all("PLIMSOLL_GPU_MEMORY_BYTES" not in one for one in found)


def test_memory_that_nobody_knows_is_not_shared_out() -> None:
    unified = Gpu(0, "GPU-0", "memory of the host", None)
    assert all("PLIMSOLL_GPU_MEMORY_BYTES" not in one for one in gpu_environments([unified], 2, "auto", {}))


@pytest.mark.parametrize(
    ("total", "sharing", "expected"), [(16 * GIB, 2, 8 * GIB - GIB // 2), (GIB, 2, GIB // 4), (GIB, 1, GIB // 2)]
)
def test_what_lies_outside_the_allocators_is_kept_free(total: int, sharing: int, expected: int) -> None:
    assert share_bytes(total, sharing) == expected
    assert sharing * share_bytes(total, sharing) < total


def test_none_means_none() -> None:
    assert without_gpus() == {"CUDA_VISIBLE_DEVICES": "", "PLIMSOLL_GPU": "off"}
