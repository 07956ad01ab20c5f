"""A server on a machine with GPUs: who gets which, what is logged, what is measured. The driver is a stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.fixtures import Serve
from support.nvml import GIB, Machine, gpu, mig_slice
from support.server import Server, wait_for

WHERE = """
    import os, time
    def init(): pass
    def run(data):
        time.sleep(0.05)  # so that the next call goes to another worker
        names = ("CUDA_VISIBLE_DEVICES", "PLIMSOLL_GPU", "PLIMSOLL_GPU_MEMORY_BYTES", "TF_FORCE_GPU_ALLOW_GROWTH")
        return [os.getpid(), *map(os.environ.get, names)]
"""


@pytest.fixture(autouse=True)
def no_hidden_gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "PLIMSOLL_GPU", "TF_FORCE_GPU_ALLOW_GROWTH"):
        monkeypatch.delenv(name, raising=False)
    yield


def told(server: Server) -> dict[int, list[Any]]:
    """What each worker sees, by its process; all are asked at once, so that every one gets a call."""
    count = len(server.workers())
    with ThreadPoolExecutor(count) as pool:
        answers = pool.map(lambda _: server.post("/score", b"1").json(), range(count))
    return {pid: rest for pid, *rest in answers}


def told_by_both(server: Server) -> dict[int, list[Any]]:
    return wait_for(lambda: found if len(found := told(server)) == 2 else None, "an answer of both workers")


def devices(server: Server) -> list[str]:
    return sorted(seen[0] for seen in told(server).values())


def samples(server: Server) -> list[str]:
    lines = server.get("/metrics").body.decode().splitlines()
    return [line for line in lines if line.startswith("plimsoll_gpu_")]


def test_one_worker_for_each_gpu(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0), gpu(1))
    server = serve(WHERE, env=machine.environment)
    wait_for(lambda: len(server.workers()) == 2, "both workers")
    seen = told_by_both(server)
    assert {tuple(rest[1:]) for rest in seen.values()} == {("auto", None, "true")}
    assert len({rest[0] for rest in seen.values()}) == 2
    server.wait_log("GPU 1: Stand-in GPU, 85.9 GB (GPU-1a000000")
    server.wait_log("NVIDIA driver 580.82.07, CUDA up to 13.0; no framework built for CUDA is installed")


def test_a_number_of_workers_that_was_given_is_kept(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0), gpu(1))
    server = serve(WHERE, "--workers", "3", env=machine.environment)
    wait_for(lambda: len(server.workers()) == 3, "three workers")
    server.wait_log("3 workers share 2 GPU(s): a model loaded through plimsoll.backends may use 42.4 GB in each")


def test_every_slice_is_a_gpu(serve: Serve, machine: Machine) -> None:
    sliced = gpu(0, mig=1)
    sliced.slices = [mig_slice(0), mig_slice(1)]
    machine.has(sliced)
    server = serve(WHERE, env=machine.environment)
    wait_for(lambda: len(server.workers()) == 2, "both workers")
    uuids = {one.values["uuid"] for one in sliced.slices}
    assert {rest[0] for rest in told_by_both(server).values()} == uuids
    assert server.metric("plimsoll_gpu_memory_total_bytes", uuid=str(sliced.slices[1].values["uuid"])) == 10 * GIB


def test_what_the_user_hides_is_not_used(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0), gpu(1))
    server = serve(WHERE, env=machine.environment | {"CUDA_VISIBLE_DEVICES": "1"})
    assert devices(server) == ["GPU-1a000000-0000-0000-0000-000000000000"]


def test_a_worker_that_is_started_again_keeps_its_gpu(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0), gpu(1))
    server = serve(WHERE, "--workers", "2", env=machine.environment)
    before = told_by_both(server)
    (gone, (device, *_)), _ = before.items()
    next(one for one in server.workers() if one.pid == gone).kill()
    wait_for(lambda: server.metric("plimsoll_worker_restarts_total") == 1, "the restart")
    wait_for(lambda: server.metric("plimsoll_workers", state="ready") == 2, "readiness of the new one")
    after = told_by_both(server)
    assert {rest[0] for pid, rest in after.items() if pid not in before} == {device}


def test_off_hides_them(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0), gpu(1))
    server = serve(WHERE, "--gpu", "off", env=machine.environment)
    (seen,) = told(server).values()
    assert seen == ["", "off", None, None]
    assert not samples(server)


def test_a_machine_without_a_driver_is_not_worth_a_word(serve: Serve) -> None:
    server = serve(WHERE)
    (seen,) = told(server).values()
    assert seen == [None, "auto", None, None]
    assert "GPU" not in server.log()
    assert not samples(server)


@pytest.mark.parametrize(
    ("driver", "gpus", "text"),
    [
        ({"init": "!9"}, [gpu(0)], "the NVIDIA driver cannot be used: Driver Not Loaded"),
        ({}, [], "the NVIDIA driver shows no GPU"),
        ({}, [gpu(0, error=15)], "the NVIDIA driver shows no GPU; GPU 0 cannot be used: GPU is lost"),
    ],
)
def test_a_driver_without_a_gpu_is_named(
    serve: Serve, machine: Machine, driver: dict[str, str], gpus: list[Any], text: str
) -> None:
    machine.driver |= driver
    machine.has(*gpus)
    server = serve(WHERE, env=machine.environment)
    server.wait_log(f"no GPU is used, the model computes on the CPU: {text}")


def test_the_flag_wins_over_the_variable_for_the_workers_too(serve: Serve) -> None:
    server = serve(WHERE, "--gpu", "auto", env={"PLIMSOLL_GPU": "required"})
    (seen,) = told(server).values()
    assert seen[1] == "auto"


def test_falling_back_is_said_in_the_log(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0))
    server = serve(WHERE, env=machine.environment)
    server.wait_log("computes on the CPU although there is a GPU: it holds no memory on GPU 0 after loading")


def test_every_value_that_the_driver_tells(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0, used=3 * GIB, busy=42, milliwatts=69_500, millijoules=2_500, celsius=61, slowed=0x4))
    server = serve(WHERE, env=machine.environment)
    expected = {
        "plimsoll_gpu_memory_used_bytes": 3.0 * GIB,
        "plimsoll_gpu_memory_total_bytes": 80.0 * GIB,
        "plimsoll_gpu_utilization_ratio": 0.42,
        "plimsoll_gpu_power_watts": 69.5,
        "plimsoll_gpu_energy_joules_total": 2.5,
        "plimsoll_gpu_temperature_celsius": 61.0,
        "plimsoll_gpu_lost": 0.0,
        "plimsoll_gpu_throttled": 1.0,
    }
    assert {name: server.metric(name, gpu="0") for name in expected} == expected
    assert server.metric("plimsoll_gpu_throttled", reason="power_cap") == 1
    assert server.metric("plimsoll_gpu_throttled", reason="thermal") == 0


def test_values_are_read_when_they_are_asked_for(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0))
    server = serve(WHERE, env=machine.environment)
    machine.has(gpu(0, celsius=77))
    wait_for(lambda: server.metric("plimsoll_gpu_temperature_celsius") == 77, "the new temperature")


def test_what_is_not_told_is_left_out(serve: Serve, machine: Machine) -> None:
    machine.has(gpu(0, milliwatts=None, busy=None, slowed=None))
    found = samples(serve(WHERE, env=machine.environment))
    assert not [line for line in found if "power" in line or "utilization" in line or "throttled" in line]
    assert [line for line in found if "temperature" in line]
