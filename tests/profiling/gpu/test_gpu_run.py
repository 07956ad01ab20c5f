"""Whole profiles of models that hold GPU memory, on a machine of every kind; what is true is written in the script."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plimsoll.profiling.result.profile import Profile
from support.gpu_runs import CARD, GB, IDLE_BYTES, Outcome, profile_on
from support.nvml import GIB, Machine, gpu, mig_slice
from support.profile_runs import unexplained


def unexplained_gpu(found: Outcome) -> list[str]:
    return [path for path in unexplained(found.content) if "gpu" in path]


def assert_every_report_says_it(found: Outcome) -> None:
    size = "1 x 4096 Mi (4.29 GB), 5% of the card; MIG slice 1g.10gb"
    assert f"gpu:    {size}" in found.output.splitlines()
    assert re.search(r"GPU memory needed +3600 MB", found.output)
    variables = (found.folder / "profile.env").read_text().splitlines()
    assert {"RECOMMENDED_GPU=1", "RECOMMENDED_GPU_MEMORY_MI=4096", "RECOMMENDED_MIG_PROFILE=1g.10gb"} <= set(variables)
    # What the model may allocate: CUDA's context, for which 512 MiB are left, is not in an allocator's count.
    assert f"PLIMSOLL_GPU_MEMORY_BYTES={3584 * 2**20}" in variables
    manifest = (found.folder / "resources.yaml").read_text()
    assert '    nvidia.com/gpu: "1"\n' in manifest
    assert "nvidia.com/mig-1g.10gb instead of nvidia.com/gpu" in manifest
    assert f"| GPU | **{size}** | peak 3600 MB |" in (found.folder / "profile.md").read_text()
    page = (found.folder / "profile.html").read_text()
    assert all(
        words in page for words in ("GPU per replica", "On the GPU", "GPU memory, MB", "4096 <span>Mi = 4.29 GB</span>")
    )


def test_the_need_is_the_peak_with_the_heaviest_row(machine: Machine, tmp_path: Path) -> None:
    """3.1 GB for the model and 0.5 GB for one row, on a card that nobody else uses."""
    machine.has(gpu(0, **CARD))
    found = profile_on(machine, tmp_path, "--gpu", "required")
    assert found.code == 0
    (device,) = found.measured["devices"]
    assert (device["baselineBytes"], device["peakBytes"]) == (IDLE_BYTES, IDLE_BYTES + 3_600_000_000)
    assert (device["deltaBytes"], device["method"], device["otherProcesses"]) == (3_600_000_000, "device", 0)
    assert found.measured["neededBytes"] == found.measured["heldBytes"] == 3_600_000_000
    assert found.measured["preallocates"] is False
    timeline = found.content["measurements"]["timeline"]
    assert len(timeline["gpuMemoryBytes"]) == len(timeline["seconds"])
    assert 3_100_000_000 <= max(timeline["gpuMemoryBytes"]) <= 3_600_000_000
    assert found.measured["driverVersion"] == "580.82.07"
    assert 2 < found.measured["pollsPerSecond"] <= 10
    assert found.measured["pollCpuSeconds"] < 0.1 * found.content["elapsedSeconds"]
    assert device["utilisation"]["max"] == 0.6
    # 3.6 GB · 1.15 = 4.14 GB = 3948 MiB, in steps of 256 MiB.
    assert found.advice["memoryBytes"] == 4096 * 2**20
    assert (found.advice["count"], found.advice["migProfile"]) == (1, "1g.10gb")
    assert found.advice["fraction"] == pytest.approx(4096 / 81_559)
    assert unexplained_gpu(found) == []
    Profile.model_validate(found.content)
    assert_every_report_says_it(found)


def test_beside_another_tenant_only_the_servers_processes_count(machine: Machine, tmp_path: Path) -> None:
    """In a container the driver lists the host's numbers: ours are those that came with the server and left with it."""
    card = gpu(0, **CARD | {"used": 20 * GIB})
    card.processes = [f"777 {20 * GIB}"]
    machine.has(card)
    found = profile_on(machine, tmp_path, model="GpuModel(number=4_000_000 + os.getpid())")
    (device,) = found.measured["devices"]
    assert (device["deltaBytes"], device["method"], device["otherProcesses"]) == (3_600_000_000, "processes", 1)
    assert found.measured["neededBytes"] == 3_600_000_000
    assert any("1 other process(es) used it too" in reason for reason in found.content["gradeReasons"])


def test_what_nobody_tells_is_not_known(machine: Machine, tmp_path: Path) -> None:
    """Another tenant, and the driver does not say what each process holds: null with the reason, never 0."""
    card = gpu(0, **CARD | {"used": 20 * GIB})
    card.processes = ["777"]
    machine.has(card)
    found = profile_on(machine, tmp_path, model="GpuModel(tells_memory=False)")
    (device,) = found.measured["devices"]
    assert (device["deltaBytes"], device["method"]) == (None, None)
    assert (found.advice["count"], found.advice["memoryBytes"], found.measured["neededBytes"]) == (1, None, None)
    why = "the driver does not say what each process holds"
    assert why in found.unknown["recommendation.gpu.memoryBytes"]
    assert why in found.unknown["measurements.gpu.devices.0.deltaBytes"]
    assert unexplained_gpu(found) == []


COUNTS = """
    import torch
    torch.cuda.handed_out = 2_500_000_000
    model.take(3_100 * MB)
"""
TORCH = """
class cuda:
    handed_out = 0
    is_initialized = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    max_memory_allocated = staticmethod(lambda index: cuda.handed_out)
"""


def test_where_the_driver_does_not_tell_the_framework_is_asked(machine: Machine, tmp_path: Path) -> None:
    """Its allocator knows no CUDA context: 512 MiB come on top. The module stands in for PyTorch."""
    (tmp_path / "torch.py").write_text(TORCH)
    card = gpu(0, **CARD | {"used": 20 * GIB})
    card.processes = ["777"]
    machine.has(card)
    found = profile_on(machine, tmp_path, model="GpuModel(tells_memory=False)", init=COUNTS.strip())
    assert found.measured["devices"][0]["deltaBytes"] is None
    assert found.measured["allocatorPeakBytes"] == 2_500_000_000
    assert found.measured["neededBytes"] == 2_500_000_000 + 512 * 2**20
    assert "as the framework's allocator counts" in found.advice["reason"]


def test_a_slice_counts_as_a_whole_device(machine: Machine, tmp_path: Path) -> None:
    """It tells its memory only: no utilisation, no power. The manifest asks for a slice, as one was measured."""
    card = gpu(0, **CARD, mig=1, busy=None)
    card.slices = [mig_slice(0, name="NVIDIA H100 80GB HBM3 MIG 2g.20gb", total=20 * GIB)]
    machine.has(card)
    found = profile_on(machine, tmp_path, model="GpuModel('0/0', number=None, busy=None)")
    (device,) = found.measured["devices"]
    assert (device["isMigSlice"], device["deltaBytes"], device["method"]) == (True, 3_600_000_000, "device")
    assert device["utilisation"] == {"mean": None, "max": None}
    assert (found.advice["migProfile"], found.advice["resource"]) == ("1g.10gb", "nvidia.com/mig-1g.10gb")
    assert '    nvidia.com/mig-1g.10gb: "1"\n' in (found.folder / "resources.yaml").read_text()
    assert unexplained_gpu(found) == []


def test_two_workers_on_two_gpus(machine: Machine, tmp_path: Path) -> None:
    """Each GPU gets a worker by itself; the need is that of the GPU with more on it, and the count is two."""
    machine.has(gpu(0, **CARD), gpu(1, **CARD))
    place = "GpuModel('0' if 'GPU-0' in os.environ['CUDA_VISIBLE_DEVICES'] else '1')"
    init = "model.take((3_000 if model.section == '0' else 5_000) * MB)"
    found = profile_on(machine, tmp_path, model=place, init=init, rows=())
    sizes = [device["deltaBytes"] for device in found.measured["devices"]]
    assert sizes == [3_000_000_000, 5_000_000_000]
    assert (found.advice["count"], found.measured["neededBytes"]) == (2, 5_000_000_000)
    assert found.content["recommendation"]["workers"] == len(found.content["processes"]["workers"]) == 2
    assert '    nvidia.com/gpu: "2"\n' in (found.folder / "resources.yaml").read_text()


GRABS = """
if os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH") == "true":
        model.take(3_100 * MB)
    else:
        model.take(84 * GB)
"""


def test_a_framework_that_takes_the_whole_card_is_told_not_to(machine: Machine, tmp_path: Path) -> None:
    machine.has(gpu(0, **CARD))
    found = profile_on(machine, tmp_path, init=GRABS.strip(), env={"TF_FORCE_GPU_ALLOW_GROWTH": "false"})
    assert found.code == 0
    assert (found.measured["heldBytes"], found.measured["neededBytes"]) == (84 * GB, 3_600_000_000)
    assert found.measured["preallocates"] is True
    assert found.content["recommendation"]["environment"]["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    warnings = found.content["warnings"]
    assert any("preallocates 84.0 GB" in one and "needs only 3.60 GB" in one for one in warnings)
    assert "started again" in found.errors
    assert len(found.content["measurements"]["rows"]["heaviest"]) > 0


def test_one_that_cannot_be_told_not_to_hides_its_need(machine: Machine, tmp_path: Path) -> None:
    machine.has(gpu(0, **CARD))
    found = profile_on(machine, tmp_path, init="model.take(84 * GB)", rows=())
    assert (found.advice["count"], found.advice["memoryBytes"]) == (1, None)
    assert "takes the whole card" in found.unknown["recommendation.gpu.memoryBytes"]
    assert unexplained_gpu(found) == []


IDLE = "def init(): pass\ndef run(data): return data"


def test_a_gpu_that_was_never_used_is_only_a_warning_where_none_was_asked_for(machine: Machine, tmp_path: Path) -> None:
    machine.has(gpu(0, **CARD))
    found = profile_on(machine, tmp_path, script=IDLE)
    assert (found.code, found.content["state"]) == (0, "Succeeded")
    assert found.content["recommendation"]["gpu"] is None
    assert found.measured["devices"][0]["deltaBytes"] == 0
    assert found.unknown["recommendation.gpu"].startswith("the GPU was never used")
    assert any("never used" in warning for warning in found.content["warnings"])
    assert "nvidia.com" not in (found.folder / "resources.yaml").read_text()
    assert unexplained_gpu(found) == []


def test_without_a_driver_the_reason_stands_where_the_gpu_would(machine: Machine, tmp_path: Path) -> None:
    found = profile_on(machine, tmp_path, script=IDLE, env={"LD_LIBRARY_PATH": ""})
    assert (found.content["recommendation"]["gpu"], found.content["measurements"]["gpu"]) == (None, None)
    assert "no NVIDIA driver" in found.unknown["recommendation.gpu"]
    assert "gpu:" not in found.output


@pytest.mark.parametrize(
    ("flags", "env", "why"),
    [
        (("--gpu", "off"), {}, "GPUs were turned off with --gpu off"),
        ((), {"CUDA_VISIBLE_DEVICES": ""}, "no GPU is visible here"),
    ],
)
def test_a_gpu_that_the_server_may_not_use_is_not_watched(
    machine: Machine, tmp_path: Path, flags: tuple[str, ...], env: dict[str, str], why: str
) -> None:
    machine.has(gpu(0, **CARD))
    found = profile_on(machine, tmp_path, *flags, script=IDLE, env=env)
    assert found.measured is None
    assert found.unknown["measurements.gpu"] == why


def test_a_gpu_that_is_slowed_or_idles_is_a_doubt(machine: Machine, tmp_path: Path) -> None:
    machine.has(gpu(0, **CARD, slowed=0x20))
    found = profile_on(machine, tmp_path, model="GpuModel(busy=3)", rows=())
    assert found.measured["devices"][0]["throttling"] == {"thermal": 1.0}
    reasons = " ".join(found.content["gradeReasons"])
    assert "GPU 0 was throttled by heat (thermal) in 100% of the readings under load" in reasons
    assert "GPU 0 idle: a kernel was running in only 3% of the time under load" in reasons


def test_memory_that_grows_with_every_request_is_measured_and_warned_of(machine: Machine, tmp_path: Path) -> None:
    """1.5 MB for each, whatever the main memory does: thirty requests are beyond an allocator's own habits."""
    machine.has(gpu(0, **CARD))
    found = profile_on(machine, tmp_path, row="model.take(1_500_000)", rows=(), budget="15")
    growth = found.measured["growth"]
    assert growth["verdict"] == "growing"
    assert growth["bytesPer1000Requests"] == pytest.approx(1.5e9, rel=0.1)
    assert growth["secondsToLimit"] > 0
    assert [one for one in found.content["warnings"] if one.startswith("the GPU's memory grows with every request")]
    assert re.search(r"GPU memory growth +\+1[3-6]\d\d\.\d\d MB +per 1000 requests: growing", found.output)
    assert "GPU memory grows with every request: " in (found.folder / "profile.html").read_text()
    assert unexplained_gpu(found) == []
