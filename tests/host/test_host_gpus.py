"""`plimsoll.host.gpu.nvml` through nvidia-ml-py on machines of all kinds; the library under it is a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import pytest

from support.nvml import GIB, Machine, build, gpu, mig_slice

READER = Path(__file__).with_name("gpu_reader.py")
NAMES = {"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"}


@contextmanager
def reader(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    inherited = {name: value for name, value in os.environ.items() if name not in NAMES}
    process = subprocess.Popen(
        [sys.executable, READER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=inherited | environment
    )
    with process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def look(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    seen: dict[str, Any] = json.loads(process.stdout.readline())
    return seen


def seen_by(environment: dict[str, str]) -> dict[str, Any]:
    with reader(environment) as process:
        return look(process)


def names(machine: Machine, **variables: str) -> list[str]:
    """The visible devices: number for a GPU, letter after it for a slice."""
    gpus = seen_by(machine.environment | variables)["gpus"]
    return [one["uuid"][:5] for one in gpus]


def test_everything_that_one_gpu_tells(machine: Machine) -> None:
    one = gpu(0, used=3 * GIB, busy=42, milliwatts=69_500, millijoules=2_500, celsius=61, slowed=0x1 | 0x4 | 0x40)
    one.processes = ["4711 1048576", "4712"]
    machine.has(one)
    seen = seen_by(machine.environment)
    assert (seen["driver"], seen["cuda"]) == ("580.82.07", [13, 0])
    assert seen["gpus"] == [
        {
            "index": 0,
            "uuid": "GPU-0a000000-0000-0000-0000-000000000000",
            "name": "Stand-in GPU",
            "total_bytes": 80 * GIB,
            "mig": False,
            "parent": None,
            "is_mig_slice": False,
        }
    ]
    assert seen["used"] == [3 * GIB]
    assert seen["readings"] == [
        {
            "used_bytes": 3 * GIB,
            "reserved_bytes": GIB // 2,
            "utilisation": 0.42,
            "power_w": 69.5,
            "energy_j": 2.5,
            "temperature_c": 61.0,
            "throttle_reasons": ["power_cap", "hardware_thermal"],
            "processes": [{"pid": 4711, "used_bytes": 1048576}, {"pid": 4712, "used_bytes": None}],
            "lost": False,
        }
    ]


def test_what_is_not_supported_is_none_and_not_zero(machine: Machine) -> None:
    gone = dict.fromkeys(("total", "used", "busy", "milliwatts", "millijoules", "celsius", "slowed"))
    machine.has(gpu(0, **gone))
    seen = seen_by(machine.environment)
    assert seen["gpus"][0]["total_bytes"] is None
    told = {name for name, value in seen["readings"][0].items() if value is not None}
    assert told == {"processes", "lost"}
    assert seen["readings"][0]["processes"] == []


def test_what_is_forbidden_is_none_too(machine: Machine) -> None:
    one = gpu(0, milliwatts="!4")
    one.processes = ["!4"]
    machine.has(one)
    reading = seen_by(machine.environment)["readings"][0]
    assert (reading["power_w"], reading["processes"], reading["lost"]) == (None, None, False)
    assert reading["used_bytes"] == GIB // 4


def test_an_old_driver_lacks_functions(machine: Machine, tmp_path: Path) -> None:
    machine.has(gpu(0, slowed=0x20))
    old = build(tmp_path / "old", "-DOLD_DRIVER")
    reading = seen_by(machine.environment | {"LD_LIBRARY_PATH": str(old)})["readings"][0]
    assert reading["used_bytes"] == GIB // 4 + GIB // 2, "such a driver counts what it reserves as used"
    assert reading["reserved_bytes"] is None
    assert reading["throttle_reasons"] == ["thermal"]


@pytest.mark.parametrize("number", [15, 16, 28])
def test_a_gpu_lost_in_the_middle(machine: Machine, number: int) -> None:
    machine.has(gpu(0), gpu(1))
    with reader(machine.environment) as process:
        assert [one["lost"] for one in look(process)["readings"]] == [False, False]
        machine.has(gpu(0), gpu(1, error=number))
        after = look(process)
    assert [one["lost"] for one in after["readings"]] == [False, True]
    assert after["used"] == [GIB // 4, None]
    assert {value for name, value in after["readings"][1].items() if name != "lost"} == {None}


def test_a_gpu_that_is_lost_from_the_start_is_named(machine: Machine) -> None:
    machine.has(gpu(0, error=15), gpu(1))
    seen = seen_by(machine.environment)
    assert [one["index"] for one in seen["gpus"]] == [1]
    assert seen["troubles"] == ["GPU 0 cannot be used: GPU is lost"]


def test_slices_stand_for_their_gpu(machine: Machine) -> None:
    whole = gpu(1, mig=1, busy=None, celsius=77, slowed=0x20)
    whole.slices = [mig_slice(0), mig_slice(1, used=GIB)]
    machine.has(gpu(0), whole)
    seen = seen_by(machine.environment)
    assert [(one["index"], one["uuid"][:5], one["is_mig_slice"], one["mig"]) for one in seen["gpus"]] == [
        (0, "GPU-0", False, False),
        (1, "MIG-0", True, True),
        (1, "MIG-1", True, True),
    ]
    assert {one["parent"] for one in seen["gpus"][1:]} == {whole.values["uuid"]}
    reading = seen["readings"][2]
    assert (reading["used_bytes"], reading["utilisation"], reading["power_w"]) == (GIB, None, None)
    assert (reading["temperature_c"], reading["throttle_reasons"]) == (77.0, ["thermal"])


def test_slices_are_lost_with_their_gpu(machine: Machine) -> None:
    whole = gpu(0, mig=1)
    whole.slices = [mig_slice(0)]
    machine.has(whole)
    with reader(machine.environment) as process:
        look(process)
        whole.values["error"] = 15
        machine.write()
        assert look(process)["readings"][0]["lost"]


def test_a_gpu_in_mig_mode_without_a_slice_is_of_no_use(machine: Machine) -> None:
    machine.has(gpu(0, mig=1))
    seen = seen_by(machine.environment)
    assert seen["gpus"] == []
    assert seen["troubles"] == ["GPU 0 is in MIG mode and no slice of it is here"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["GPU-0", "GPU-1", "MIG-2", "MIG-3"]),
        ({"CUDA_VISIBLE_DEVICES": "1,0"}, ["GPU-1", "GPU-0"]),
        ({"CUDA_VISIBLE_DEVICES": " 1 "}, ["GPU-1"]),
        ({"CUDA_VISIBLE_DEVICES": "2"}, ["MIG-2", "MIG-3"]),
        ({"CUDA_VISIBLE_DEVICES": "MIG-3b"}, ["MIG-3"]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-2a"}, ["MIG-2", "MIG-3"]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-1a000000-0000-0000-0000-000000000000"}, ["GPU-1"]),
        ({"CUDA_VISIBLE_DEVICES": "0,9,1"}, ["GPU-0"]),
        ({"CUDA_VISIBLE_DEVICES": "0,0"}, ["GPU-0"]),
        ({"CUDA_VISIBLE_DEVICES": ""}, []),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, []),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles"}, []),
        ({"NVIDIA_VISIBLE_DEVICES": "all"}, ["GPU-0", "GPU-1", "MIG-2", "MIG-3"]),
        ({"NVIDIA_VISIBLE_DEVICES": "void"}, ["GPU-0", "GPU-1", "MIG-2", "MIG-3"]),
        ({"NVIDIA_VISIBLE_DEVICES": "5"}, ["GPU-0", "GPU-1", "MIG-2", "MIG-3"]),
        ({"NVIDIA_VISIBLE_DEVICES": "GPU-1a000000-0000-0000-0000-000000000000"}, ["GPU-1"]),
        ({"NVIDIA_VISIBLE_DEVICES": "GPU-of-another-name"}, ["GPU-0", "GPU-1", "MIG-2", "MIG-3"]),
        ({"NVIDIA_VISIBLE_DEVICES": "GPU-1a,MIG-2b", "CUDA_VISIBLE_DEVICES": "MIG-2b"}, ["MIG-2"]),
    ],
)
def test_what_the_environment_leaves(machine: Machine, variables: dict[str, str], expected: list[str]) -> None:
    sliced = gpu(2, mig=1)
    sliced.slices = [mig_slice(2), mig_slice(3)]
    machine.has(gpu(0), gpu(1), sliced)
    assert names(machine, **variables) == expected


def missing(environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, READER], env=os.environ | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_without_the_library_there_is_no_gpu() -> None:
    if find_library("nvidia-ml"):
        pytest.skip("this machine has a driver")
    text = "there is no NVIDIA driver here (libnvidia-ml.so.1 was not found)"
    assert missing({"LD_LIBRARY_PATH": ""}) == {"missing": text, "absent": True}


@pytest.mark.parametrize(
    ("number", "cause", "remedy"),
    [
        (9, "Driver Not Loaded", "load the NVIDIA kernel module on the host"),
        (18, "RM has detected an NVML/RM version mismatch.", "the driver was updated: restart the machine"),
        (999, "Unknown Error", "the container has lost its devices: start it again"),
        (17, "The operating system has blocked the request.", "does nvidia-smi work?"),
    ],
)
def test_a_driver_that_does_not_work_says_what_to_do(machine: Machine, number: int, cause: str, remedy: str) -> None:
    machine.driver["init"] = f"!{number}"
    machine.write()
    said = missing(machine.environment)
    assert said["missing"].startswith(f"the NVIDIA driver cannot be used: {cause} ({remedy}")
    assert not said["absent"]


def test_without_the_bindings_the_package_is_named(machine: Machine) -> None:
    program = f"import sys; sys.modules['pynvml'] = None; sys.argv = ['']; exec(open({str(READER)!r}).read())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | machine.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["missing"] == (
        "the package nvidia-ml-py is not installed (pip install nvidia-ml-py)"
    )
