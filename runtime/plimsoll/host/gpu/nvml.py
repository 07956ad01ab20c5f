"""The GPUs of this machine, as NVIDIA's management library (NVML) tells.

NVML comes with the driver. Where there is none, `Nvml.open` says so and nothing else happens. A reading is of the
whole device, whoever uses it: what a program of ours holds is the difference to before its start. Blocks for as
long as the driver takes, which is long when a GPU hangs: call it from no event loop.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from plimsoll.host.gpu.visibility import visible

_LIBRARY = "libnvidia-ml.so.1"
_LOST = {15, 16, 28}
"""NVML's numbers for a GPU that is gone: lost, only a reset brings it back, not found."""
_REMEDIES = {
    4: "give the container access to the NVIDIA devices",
    9: "load the NVIDIA kernel module on the host",
    18: "the driver was updated: restart the machine, and the container with it",
    999: "the container has lost its devices: start it again",
}
THROTTLING = {
    0x004: "power_cap",
    0x008: "hardware_slowdown",
    0x010: "sync_boost",
    0x020: "thermal",
    0x040: "hardware_thermal",
    0x080: "power_brake",
    0x200: "board_limit",
    0x400: "reliability",
}
"""Why clocks are lower than the GPU could; idleness and clocks that the user set are no throttling."""


class NvmlMissing(Exception):
    """No GPU can be seen; the message says why. `absent`: there is no driver at all, as on any CPU machine."""

    def __init__(self, message: str, *, absent: bool = False) -> None:
        super().__init__(message)
        self.absent = absent


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU, or a MIG slice of one. `index` as nvidia-smi counts; a slice has that of its `parent`, whose UUID it is.

    `total_bytes` is None where the memory is the host's. `mig`: the GPU is in MIG mode, and so is a slice's.
    """

    index: int
    uuid: str
    name: str
    total_bytes: int | None
    mig: bool = False
    parent: str | None = None
    is_mig_slice: bool = False


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """In a container `pid` may be the host's number, which nothing here can be found by."""

    pid: int
    used_bytes: int | None


@dataclass(frozen=True, slots=True)
class GpuReading:
    """What NVML tells at one moment; None is what it does not tell, and all of it when the GPU is `lost`.

    `utilisation` is the share of time (0..1) in which any kernel ran, however small; a MIG slice has none.
    `energy_j` counts from the start of the driver. Power and energy of a MIG slice are not reported; what throttles or
    heats it is read from its parent.
    """

    used_bytes: int | None = None
    reserved_bytes: int | None = None
    utilisation: float | None = None
    power_w: float | None = None
    energy_j: float | None = None
    temperature_c: float | None = None
    throttle_reasons: tuple[str, ...] | None = None
    processes: tuple[GpuProcess, ...] | None = None
    lost: bool = False


class _Lost(Exception):
    """The GPU does not answer any more."""


class Nvml:
    """``with Nvml.open() as nvml: nvml.read(nvml.gpus()[0])``; `troubles` names the GPUs that cannot be used."""

    def __init__(self, library: Any, environment: Mapping[str, str]) -> None:
        self._nvml = library
        self._environment = environment
        self._handles: dict[str, Any] = {}
        self._parents: dict[str, Any] = {}
        self.troubles: list[str] = []
        self.driver_version = str(self._told("nvmlSystemGetDriverVersion") or "unknown")
        version = int(self._told("nvmlSystemGetCudaDriverVersion_v2") or 0)
        self.cuda_driver_version = (version // 1000, version % 1000 // 10)

    @classmethod
    def open(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Raises NvmlMissing. `environment` says which GPUs are visible; default: this process's own."""
        library = _load()
        try:
            library.nvmlInit()
        except library.NVMLError as error:
            remedy = _REMEDIES.get(error.value, "does nvidia-smi work?")
            raise NvmlMissing(f"the NVIDIA driver cannot be used: {error} ({remedy})") from None
        return cls(library, os.environ if environment is None else environment)

    def close(self) -> None:
        self._told("nvmlShutdown")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def gpus(self) -> tuple[Gpu, ...]:
        """The visible ones, in the order of CUDA_VISIBLE_DEVICES or of their index; slices instead of their parent."""
        self.troubles = []
        count = int(self._told("nvmlDeviceGetCount") or 0)
        found = [gpu for index in range(count) for gpu in self._at(index)]
        return visible(tuple(found), self._environment)

    def used_bytes(self, gpu: Gpu) -> int | None:
        """Only the memory in use, for frequent reading; None where it is not reported or the GPU is lost."""
        try:
            return self._memory(self._handle(gpu))[0]
        except _Lost:
            return None

    def read(self, gpu: Gpu) -> GpuReading:
        """Everything at once; a lost GPU is a reading too."""
        try:
            return self._read(gpu, self._handle(gpu))
        except _Lost:
            return GpuReading(lost=True)

    def _read(self, gpu: Gpu, handle: Any) -> GpuReading:
        used, reserved = self._memory(handle)
        whole = self._parents.get(gpu.uuid, handle)
        utilisation = self._ask("nvmlDeviceGetUtilizationRates", handle)
        power_mw = self._ask("nvmlDeviceGetPowerUsage", handle)
        energy_mj = self._ask("nvmlDeviceGetTotalEnergyConsumption", handle)
        temperature = self._ask("nvmlDeviceGetTemperature", whole, self._nvml.NVML_TEMPERATURE_GPU)
        return GpuReading(
            used_bytes=used,
            reserved_bytes=reserved,
            utilisation=None if utilisation is None else utilisation.gpu / 100,
            power_w=None if power_mw is None else power_mw / 1e3,
            energy_j=None if energy_mj is None else energy_mj / 1e3,
            temperature_c=None if temperature is None else float(temperature),
            throttle_reasons=self._throttling(whole),
            processes=self._processes(handle),
        )

    def _at(self, index: int) -> Iterator[Gpu]:
        """The GPU of that index, or its slices."""
        try:
            handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
            uuid = str(self._nvml.nvmlDeviceGetUUID(handle))
            mode = self._ask("nvmlDeviceGetMigMode", handle)
            if not (mode and mode[0]):
                yield self._known(handle, Gpu(index, uuid, self._name(handle), self._total_bytes(handle)))
                return
            slices = [self._slice(index, uuid, handle, place) for place in range(self._most_slices(handle))]
        except (self._nvml.NVMLError, _Lost) as error:
            self.troubles.append(f"GPU {index} cannot be used: {str(error) or 'GPU is lost'}")
            return
        found = [gpu for gpu in slices if gpu is not None]
        if not found:
            self.troubles.append(f"GPU {index} is in MIG mode and no slice of it is here")
        yield from found

    def _slice(self, index: int, parent: str, handle: Any, place: int) -> Gpu | None:
        own = self._ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, place)
        if own is None:
            return None
        uuid = str(self._nvml.nvmlDeviceGetUUID(own))
        self._parents[uuid] = handle
        return self._known(own, Gpu(index, uuid, self._name(own), self._total_bytes(own), True, parent, True))

    def _known(self, handle: Any, gpu: Gpu) -> Gpu:
        self._handles[gpu.uuid] = handle
        return gpu

    def _handle(self, gpu: Gpu) -> Any:
        """For a GPU that another `Nvml` has found, too."""
        if gpu.uuid not in self._handles:
            self.gpus()
        handle = self._handles.get(gpu.uuid)
        if handle is None:
            raise _Lost
        return handle

    def _most_slices(self, handle: Any) -> int:
        return int(self._ask("nvmlDeviceGetMaxMigDeviceCount", handle) or 0)

    def _name(self, handle: Any) -> str:
        return str(self._ask("nvmlDeviceGetName", handle) or "GPU")

    def _total_bytes(self, handle: Any) -> int | None:
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
        return None if memory is None else int(memory.total)

    def _memory(self, handle: Any) -> tuple[int | None, int | None]:
        """Used and reserved. Drivers before 510 know no reserved part: they count it as used."""
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle, self._nvml.nvmlMemory_v2)
        if memory is not None:
            return int(memory.used), int(memory.reserved)
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
        return (None, None) if memory is None else (int(memory.used), None)

    def _throttling(self, handle: Any) -> tuple[str, ...] | None:
        bits = self._ask("nvmlDeviceGetCurrentClocksEventReasons", handle)
        if bits is None:  # its name until driver 535
            bits = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons", handle)
        return None if bits is None else tuple(name for bit, name in THROTTLING.items() if bits & bit)

    def _processes(self, handle: Any) -> tuple[GpuProcess, ...] | None:
        found = self._ask("nvmlDeviceGetComputeRunningProcesses", handle)
        if found is None:
            return None
        return tuple(GpuProcess(int(one.pid), one.usedGpuMemory) for one in found)

    def _ask(self, function: str, *arguments: Any) -> Any:
        """None for what is not supported, not permitted or not known to this driver."""
        try:
            return getattr(self._nvml, function)(*arguments)
        except self._nvml.NVMLError as error:
            if error.value in _LOST:
                raise _Lost from None
            return None

    def _told(self, function: str, *arguments: Any) -> Any:
        try:
            return self._ask(function, *arguments)
        except _Lost:
            return None


def _load() -> Any:
    """The library is looked for first: a machine without a driver pays nothing for the bindings."""
    try:
        ctypes.CDLL(_LIBRARY)
    except OSError:
        raise NvmlMissing(f"there is no NVIDIA driver here ({_LIBRARY} was not found)", absent=True) from None
    try:
        return import_module("pynvml")
    except ModuleNotFoundError:
        raise NvmlMissing("the package nvidia-ml-py is not installed (pip install nvidia-ml-py)") from None
