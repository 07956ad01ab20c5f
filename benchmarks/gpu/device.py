"""What computes, for scripts of known truth: a GPU through PyTorch, or in its place the CPU or the tests' stand-in.

All three do what they are told, and no more: `hold` so many bytes, `compute` for so long.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from plimsoll.host.gpu.nvml import Nvml

_HUNDREDTH = 100
_CHUNK_BYTES = 2**30
_WARM_S, _CALIBRATED_CYCLES = 0.3, 20_000_000
_FOREVER_CYCLES = 1 << 60


class Device(Protocol):
    def hold(self, size_bytes: int) -> None:
        """More than before, until `give` returns the newest."""

    def give(self) -> None: ...

    def compute(self, seconds: float) -> None:
        """Returns when it is done."""

    def forever(self) -> None:
        """One kernel that never ends."""

    def exhaust(self) -> None:
        """Raises what the framework raises when the memory is used up."""

    def libraries(self) -> None:
        """Loads what a model loads: matrix products and convolutions."""

    def grab(self, left_bytes: int) -> None:
        """Takes all but this outside the allocator's count, as frameworks do that manage the memory by themselves."""

    def allocated_bytes(self) -> int | None:
        """What the framework's allocator has handed out and kept back; None where nobody counts."""


def open_device(kind: str) -> Device:
    """Takes a context, if the device has such a thing."""
    kinds: dict[str, Callable[[], Device]] = {"cuda": _Cuda, "cpu": _Cpu, "stand-in": _StandIn}
    return kinds[kind]()


class _Cuda:
    def __init__(self) -> None:
        import torch

        self._torch: Any = torch
        self._held: list[Any] = []
        self._grabbed: Any = None
        self._cycles_per_s = 0.0
        torch.empty(1, device="cuda")
        torch.cuda.synchronize()

    def hold(self, size_bytes: int) -> None:
        self._held.append(self._torch.empty(size_bytes, dtype=self._torch.uint8, device="cuda"))

    def give(self) -> None:
        self._held.pop()
        self._torch.cuda.empty_cache()

    def compute(self, seconds: float) -> None:
        if seconds:
            self._cycles_per_s = self._cycles_per_s or self._calibrate()
            self._torch.cuda._sleep(int(seconds * self._cycles_per_s))
            self._torch.cuda.synchronize()

    def forever(self) -> None:
        self._torch.cuda._sleep(_FOREVER_CYCLES)
        self._torch.cuda.synchronize()

    def exhaust(self) -> None:
        taken = []
        while True:
            taken.append(self._torch.empty(_CHUNK_BYTES, dtype=self._torch.uint8, device="cuda"))

    def libraries(self) -> None:
        torch = self._torch
        with torch.inference_mode():
            square = torch.ones(512, 512, device="cuda")
            pixels, kernel = torch.ones(1, 64, 56, 56, device="cuda"), torch.ones(64, 64, 3, 3, device="cuda")
            torch.nn.functional.conv2d(pixels, kernel, padding=1).sum().add(square.mm(square).sum()).item()

    def grab(self, left_bytes: int) -> None:
        import ctypes

        size = int(self._torch.cuda.mem_get_info()[0]) - left_bytes
        self._grabbed = ctypes.c_uint64()
        allocate = ctypes.CDLL("libcuda.so.1").cuMemAlloc_v2
        if result := allocate(ctypes.byref(self._grabbed), ctypes.c_size_t(size)):
            raise RuntimeError(f"cuMemAlloc of {size} bytes: error {result}")

    def allocated_bytes(self) -> int | None:
        return int(self._torch.cuda.memory_reserved())

    def _calibrate(self) -> float:
        """Cycles per second, once the clocks have risen from where they idle."""
        torch, begun_s = self._torch, time.monotonic()
        while time.monotonic() < begun_s + _WARM_S:
            torch.cuda._sleep(_CALIBRATED_CYCLES)
            torch.cuda.synchronize()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        torch.cuda._sleep(_CALIBRATED_CYCLES)
        end.record()
        end.synchronize()
        return _CALIBRATED_CYCLES / (float(begin.elapsed_time(end)) / 1e3)


class _Cpu:
    """A rehearsal: holds a hundredth in main memory."""

    def __init__(self) -> None:
        self._held: list[bytearray] = []

    def hold(self, size_bytes: int) -> None:
        self._held.append(bytearray(b"\1") * (size_bytes // _HUNDREDTH))

    def give(self) -> None:
        self._held.pop()

    def compute(self, seconds: float) -> None:
        until_s = time.perf_counter() + seconds
        while time.perf_counter() < until_s:
            pass

    def forever(self) -> None:
        while True:
            pass

    def exhaust(self) -> None:
        raise MemoryError("a rehearsal of a device that is out of memory")

    def libraries(self) -> None:
        pass

    def grab(self, left_bytes: int) -> None:
        pass

    def allocated_bytes(self) -> int | None:
        return None


class _StandIn(_Cpu):
    """Moves the figures of the tests' stand-in for the driver's library; its folder is on the path there."""

    CONTEXT_BYTES = 400_000_000

    def __init__(self) -> None:
        super().__init__()
        from support.gpu_model import GpuModel

        self._model = GpuModel(busy=None)
        self._model.take(self.CONTEXT_BYTES)
        self._sizes: list[int] = []

    def hold(self, size_bytes: int) -> None:
        self._sizes.append(size_bytes)
        self._model.take(size_bytes)

    def give(self) -> None:
        self._model.give(self._sizes.pop())

    def compute(self, seconds: float) -> None:
        if seconds:
            self._model.set("busy", int(os.environ.get("PROOF_STANDIN_BUSY", "100")))
            time.sleep(seconds)
            self._model.set("busy", 0)

    def forever(self) -> None:
        while True:
            time.sleep(1)

    def grab(self, left_bytes: int) -> None:
        with Nvml.open() as nvml:
            (card,) = nvml.gpus()
            self._model.take((card.total_bytes or 0) - (nvml.used_bytes(card) or 0) - left_bytes)
