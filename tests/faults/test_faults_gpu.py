"""GPUs that are not there, too old, not used, or lost: what `--gpu required` refuses, and what probes say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.fixtures import Serve, WriteScript
from support.nvml import GIB, Machine, build, gpu
from support.server import Server, wait_for

ECHO = """
    import json
    def init(): pass
    def run(data): return json.loads(data)
"""
# Takes memory as a framework would, or rather has the driver say so: by its own number, by a number of the
# host's, or as memory in use alone.
TAKES = """
    import os, pathlib
    def init():
        state = pathlib.Path(os.environ["STANDIN_NVML"])
        new = os.environ["NEW"].format(pid=os.getpid())
        state.write_text(state.read_text().replace(os.environ["OLD"], new))
    def run(data): return data
"""


@pytest.fixture(autouse=True)
def no_hidden_gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "PLIMSOLL_GPU"):
        monkeypatch.delenv(name, raising=False)
    yield


def refused(serve: Serve, source: str, *flags: str, env: dict[str, str]) -> str:
    """The one line that says why, of a server that ended with 3 and was never ready."""
    server = serve(source, "--gpu", "required", *flags, env=env, wait=False)
    assert server.wait_exit() == 3, server.log()
    assert not server.tree()
    assert " is ready after " not in server.log()
    last = server.log().rstrip().splitlines()[-1]
    assert last.startswith("plimsoll: error: ")
    return last.removeprefix("plimsoll: error: ")


def test_without_a_driver(serve: Serve) -> None:
    assert refused(serve, ECHO, env={"LD_LIBRARY_PATH": ""}) == (
        "--gpu required: there is no NVIDIA driver here (libnvidia-ml.so.1 was not found)"
        " (give the container a GPU, or start with --gpu auto)"
    )


def test_without_the_kernel_module(serve: Serve, machine: Machine) -> None:
    machine.driver["init"] = "!9"
    machine.has(gpu(0))
    said = refused(serve, ECHO, env=machine.environment)
    assert said.startswith(
        "--gpu required: the NVIDIA driver cannot be used: Driver Not Loaded (load the NVIDIA kernel"
    )


def test_without_a_gpu(serve: Serve, machine: Machine) -> None:
    assert "the NVIDIA driver shows no GPU" in refused(serve, ECHO, env=machine.environment)


def test_with_all_gpus_hidden(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0))
    said = refused(serve, ECHO, env=machine.environment | {"CUDA_VISIBLE_DEVICES": ""})
    assert "the NVIDIA driver shows no GPU; CUDA_VISIBLE_DEVICES is ''" in said


def packages(folder: Path, cuda: str) -> dict[str, str]:
    """An ONNX Runtime built for that CUDA, as far as its text files go."""
    info = folder / "site" / "onnxruntime" / "capi" / "build_and_package_info.py"
    info.parent.mkdir(parents=True)
    (info.parent.parent / "__init__.py").touch()
    info.write_text(f"package_name = 'onnxruntime-gpu'\ncuda_version = '{cuda}'\n")
    return {"PYTHONPATH": str(folder / "site")}


@pytest.mark.parametrize(("driver", "cuda", "oldest"), [("470.82.01", "12.8", 525), ("535.104.05", "13.0", 580)])
def test_a_driver_that_is_too_old(
    serve: Serve, machine: Machine, tmp_path: Path, driver: str, cuda: str, oldest: int
) -> None:
    machine.driver |= {"driver": driver, "cuda": 11040 if oldest == 525 else 12020}
    machine.has(gpu(0))
    environment = machine.environment | packages(tmp_path, cuda)
    assert refused(serve, ECHO, env=environment) == (
        f"--gpu required: the NVIDIA driver {driver} is too old: onnxruntime (CUDA {cuda}) needs {oldest} or newer"
        " (give the container a GPU, or start with --gpu auto)"
    )


def test_a_driver_that_is_too_old_is_a_warning_where_no_gpu_is_required(
    serve: Serve, machine: Machine, tmp_path: Path
) -> None:
    machine.driver |= {"driver": "470.82.01", "cuda": 11040}
    machine.has(gpu(0), gpu(1))
    server = serve(ECHO, env=machine.environment | packages(tmp_path, "12.8"))
    server.wait_log("no GPU is used, onnxruntime computes on the CPU: the NVIDIA driver 470.82.01 is too old")
    assert len(server.workers()) == 1


def test_a_script_that_takes_no_memory_on_the_gpu(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0))
    assert refused(serve, ECHO, env=machine.environment) == (
        "--gpu required, but the script fell back to the CPU: it holds no memory on GPU 0 after loading"
        " (if the model is loaded by the first call, give --warmup)"
    )


@pytest.mark.parametrize("line", ["process {pid} 1048576", "process {pid}", "process 998877 5000000"])
def test_a_new_process_on_the_gpu_is_proof(serve: Serve, machine: Machine, line: str) -> None:
    device = gpu(0)
    device.processes = ["1 1048576"]
    machine.has(device)
    taken = {"OLD": "process 1 1048576", "NEW": f"process 1 1048576\n{line}"}
    server = serve(TAKES, "--gpu", "required", env=machine.environment | taken)
    server.wait_log("uses GPU 0: it holds memory there")


def test_a_worker_that_is_started_again_is_checked_too(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0, used=GIB))
    taken = {"OLD": f"used {GIB}", "NEW": f"used {GIB}\nprocess {{pid}}"}
    server = serve(TAKES, "--gpu", "required", env=machine.environment | taken)
    machine.has(gpu(0, used=GIB + 2**20))  # what the script replaces is gone
    server.workers()[0].kill()
    text = "the script fell back to the CPU: it holds no memory on GPU 0"
    wait_for(lambda: text in server.get("/health/ready").json().get("reason", ""), "the reason")
    assert server.process.poll() is None, "the first one has shown that it can be"


def test_where_no_process_is_listed_memory_is_proof(serve: Serve, machine: Machine) -> None:
    device = gpu(0, used=GIB)
    device.processes = ["!4"]
    machine.has(device)
    taken = {"OLD": f"used {GIB}", "NEW": f"used {GIB + 600 * 2**20}"}
    serve(TAKES, "--gpu", "required", env=machine.environment | taken)


def test_a_little_more_memory_is_no_proof(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0, used=GIB))
    taken = {"OLD": f"used {GIB}", "NEW": f"used {GIB + 2**20}"}
    assert "it holds no memory on GPU 0" in refused(serve, TAKES, env=machine.environment | taken)


def test_where_nothing_can_be_told_the_log_says_so(serve: Serve, machine: Machine) -> None:
    device = gpu(0, used=None)
    device.processes = ["!4"]
    machine.has(device)
    server = serve(ECHO, "--gpu", "required", env=machine.environment)
    server.wait_log("whether it uses GPU 0 cannot be determined here")


def test_a_gpu_that_is_lost_while_serving(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0), gpu(1))
    server = serve(ECHO, env=machine.environment)
    machine.has(gpu(0), gpu(1, error=15))
    wait_for(lambda: server.get("/health/ready").status == 503, "the end of readiness")
    name = "GPU 1 (GPU-1a000000-0000-0000-0000-000000000000) is lost"
    assert server.get("/health/ready").json()["reason"] == name
    assert server.get("/health/live").status == 200
    assert server.post("/score", b"1").status == 200
    assert server.metric("plimsoll_gpu_lost", gpu="1") == 1
    assert server.metric("plimsoll_gpu_lost", gpu="0") == 0
    assert server.metric("plimsoll_gpu_temperature_celsius", gpu="0") == 40
    machine.has(gpu(0), gpu(1))
    time.sleep(0.6)  # longer than a reading is used again
    assert server.get("/health/ready").status == 503, "whatever held it open has lost it"
    server.wait_log("is lost: the server is not ready any more")
    assert server.log().count("is lost: the server is not ready any more") == 1


def test_a_driver_that_hangs_keeps_nobody_waiting(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0))
    server = serve(ECHO, env=machine.environment)
    machine.has(gpu(0, stall=600))
    time.sleep(0.6)
    for _ in range(3):
        assert server.get("/health/ready").status == 200
        assert server.post("/score", b"1").json() == 1
        assert server.metric("plimsoll_gpu_temperature_celsius") == 40, "what was read last"
    server.process.terminate()
    assert server.wait_exit() == 0


def test_an_old_driver_serves(serve: Serve, machine: Machine, tmp_path: Path) -> None:
    machine.has(gpu(0))
    old = build(tmp_path / "old", "-DOLD_DRIVER")
    server = serve(ECHO, env=machine.environment | {"LD_LIBRARY_PATH": str(old)})
    assert server.metric("plimsoll_gpu_memory_used_bytes") == GIB // 4 + GIB // 2


def test_required_through_the_environment(write_script: WriteScript, machine: Machine) -> None:
    with Server(write_script(ECHO), env=machine.environment | {"PLIMSOLL_GPU": "required"}, wait=False) as server:
        assert server.wait_exit() == 3
