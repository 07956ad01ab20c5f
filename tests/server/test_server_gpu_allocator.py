"""The metric that tells what the framework's allocator took of the GPU; a module of the test stands in for PyTorch."""

from __future__ import annotations

from pathlib import Path

from support.fixtures import Serve
from support.nvml import Machine, gpu
from support.server import Server, wait_for

TORCH = """
class cuda:
    handed_out = 0
    is_initialized = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 2)
    max_memory_allocated = staticmethod(lambda index: cuda.handed_out)
"""
SCRIPT = """
    import json
    import torch
    def init(): pass
    def run(data):
        torch.cuda.handed_out = json.loads(data)
        return "done"
"""


def peak_after(server: Server, taken: int) -> float:
    """Whether there is news is looked at a few times a second, after a call."""
    server.post("/score", b"%d" % taken)
    return server.metric("plimsoll_gpu_allocator_peak_bytes", worker="0")


def test_the_peak_over_all_devices_of_the_worker(serve: Serve, machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(TORCH)
    machine.has(gpu(0))
    server = serve(SCRIPT, "--gpu", "auto", env=machine.environment)
    for taken in (1000, 5000):
        wait_for(lambda taken=taken: peak_after(server, taken) == 2 * taken, f"the report of {taken} bytes")


def test_without_a_gpu_no_framework_is_asked(serve: Serve, machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(TORCH)
    machine.has(gpu(0))
    server = serve(SCRIPT, "--gpu", "off", env=machine.environment)
    for _ in range(3):
        server.post("/score", b"1000")
    assert "plimsoll_gpu_allocator_peak_bytes{" not in server.get("/metrics").body.decode()
