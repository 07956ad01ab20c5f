"""How much of a device's memory was the server's: by the device, by its processes, by the allocator, or not known.

In this order: (1) where nobody else is on the device, or on the slice, the rise since before the start, which has
everything in it; (2) else what the driver attributes to processes that were not there before, whatever their ids are
(in a container they are the host's); (3) else what the framework's own allocator counts, which leaves out the CUDA
context of each process; (4) else nothing: never 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from plimsoll.host.gpu.nvml import Gpu, GpuReading
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.measure.gpu_watch import GpuWatch, Phase, ServerWatch, Use
from plimsoll.profiling.result.gpu import GpuDeviceResult, GpuPower, GpuUtilisation

Method = Literal["device", "processes", "allocator"]
# What a driver keeps for itself on an idle card, where it counts that as used.
_IDLE_SHARE, _IDLE_BYTES = 0.02, 600 * MEBIBYTE
# Less than any CUDA context: such a rise is nobody's work.
_TRACE_BYTES = 32 * MEBIBYTE
# Phases in which as many requests came as the server could take, or as it is meant to take.
_LOAD = ("warm-up", "capacity", "growth", "open loop")
WHOLE_SHARE = 0.95
"""Of a card: who holds so much takes the card as a whole, whatever the model needs."""


@dataclass(frozen=True, slots=True)
class Held:
    """The most that a server held of one device; `method` None: not known, and `reason` says why."""

    method: Method | None
    size_bytes: int | None
    reason: str


def held(watch: GpuWatch, server: ServerWatch, gpu: Gpu) -> Held:
    """Over all phases of the server; what an allocator says comes later."""
    uses = [use for use in _uses(server, gpu) if use.readings]
    if not uses:
        return Held(None, None, "the device was not read while the server ran")
    before = watch.before[gpu.uuid]
    tenant = _tenant(before, gpu, foreign_processes(watch, server, gpu))
    if tenant is None:
        return _by_device(uses, before, gpu)
    return _by_process(uses, own_processes(watch, server, gpu), tenant)


def _by_device(uses: list[Use], before: GpuReading, gpu: Gpu) -> Held:
    sizes = [use.used_bytes for use in uses if use.used_bytes is not None]
    if not sizes or before.used_bytes is None:
        return Held(None, None, "the driver does not report how much of the memory is in use")
    place = "slice" if gpu.is_mig_slice else "GPU"
    return Held("device", max(0, max(sizes) - before.used_bytes), f"no other process used the {place}")


def _by_process(uses: list[Use], own: frozenset[int], tenant: str) -> Held:
    sizes = [[use.process_bytes[pid] for pid in own & use.process_bytes.keys()] for use in uses]
    if not any(use.lists for use in uses):
        return Held(None, None, f"{tenant}, and the driver does not list processes")
    if not own:
        return Held(None, None, f"{tenant}, and the driver lists no process of the server")
    if any(size is None for phase in sizes for size in phase):
        return Held(None, None, f"{tenant}, and the driver does not say what each process holds")
    return Held("processes", max(sum(size or 0 for size in phase) for phase in sizes), tenant)


def own_processes(watch: GpuWatch, server: ServerWatch, gpu: Gpu) -> frozenset[int]:
    """The server's, as the driver numbers them: those of its tree, else those that came with it and left with it."""
    ours = frozenset(pid for use in _uses(server, gpu) for pid in use.own)
    return ours or _listed(server, gpu) - _pids(watch.before.get(gpu.uuid)) - _pids(watch.after.get(gpu.uuid))


def foreign_processes(watch: GpuWatch, server: ServerWatch, gpu: Gpu) -> frozenset[int]:
    """Everybody else's that was on the device meanwhile, or before."""
    everybody = _listed(server, gpu) | _pids(watch.before.get(gpu.uuid))
    return everybody - own_processes(watch, server, gpu)


def was_used(watch: GpuWatch, server: ServerWatch, gpu: Gpu) -> bool | None:
    """Any sign of the server on the device: a process, memory or work; None where that is not reported."""
    if own_processes(watch, server, gpu):
        return True
    found = held(watch, server, gpu)
    if found.method == "device":
        busy = any(share > 0 for use in _uses(server, gpu) for share in use.busy)
        return busy or (found.size_bytes or 0) >= _TRACE_BYTES
    # A list that shows others would show the server too; in some containers it is always empty.
    return False if foreign_processes(watch, server, gpu) else None


def _tenant(before: GpuReading, gpu: Gpu, foreign: frozenset[int]) -> str | None:
    """Why the device's own count cannot be taken for the server's; None where it can."""
    if foreign:
        return f"{len(foreign)} other process(es) were on the device"
    used_bytes = before.used_bytes or 0
    if used_bytes > max(_IDLE_SHARE * (gpu.total_bytes or 0), _IDLE_BYTES):
        return f"{used_bytes / 1e9:.1f} GB of the device were in use before the server started"
    return None


def _uses(server: ServerWatch, gpu: Gpu) -> Iterator[Use]:
    return (phase.uses[gpu.uuid] for phase in server.phases)


def _listed(server: ServerWatch, gpu: Gpu) -> frozenset[int]:
    return frozenset(pid for use in _uses(server, gpu) for pid in use.process_bytes)


def _pids(reading: GpuReading | None) -> frozenset[int]:
    processes = reading.processes if reading is not None else None
    return frozenset(process.pid for process in processes or ())


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU or slice, as far as the recommended server is concerned; `used` None: that is not reported."""

    gpu: Gpu
    used: bool | None
    result: GpuDeviceResult


def devices(watch: GpuWatch, configuration: Configuration) -> list[Device]:
    """Empty where no server was watched. Those in this configuration count, else all.

    Not those that took more than they need or could not take more.
    """
    sound = [server for server in watch.servers if not server.preallocates and not server.trial]
    servers = [server for server in sound if server.configuration == configuration] or sound
    return [_device(watch, servers, gpu) for gpu in watch.gpus] if servers else []


def _device(watch: GpuWatch, servers: Sequence[ServerWatch], gpu: Gpu) -> Device:
    uses, before = [use for server in servers for use in _uses(server, gpu)], watch.before[gpu.uuid]
    listed = before.processes is not None or any(use.lists for use in uses)
    others = frozenset(pid for server in servers for pid in foreign_processes(watch, server, gpu))
    # The greatest that is known; where one server's is not known that of the others stands.
    most = max(
        (held(watch, server, gpu) for server in servers),
        key=lambda one: -1 if one.size_bytes is None else one.size_bytes,
    )
    # One sign is enough; no sign is one only where it would have been seen.
    signs = [was_used(watch, server, gpu) for server in servers]
    result = GpuDeviceResult.of(
        gpu,
        baseline_bytes=before.used_bytes,
        peak_bytes=max((use.used_bytes for use in uses if use.used_bytes is not None), default=None),
        delta_bytes=most.size_bytes,
        method=most.method,
        method_reason=most.reason,
        other_processes=len(others) if listed else None,
        **_under_load([phase.uses[gpu.uuid] for phase in _loaded(servers)]),
    )
    return Device(gpu, True if True in signs else None if None in signs else False, result)


def _loaded(servers: Iterable[ServerWatch]) -> Iterator[Phase]:
    return (phase for server in servers for phase in server.phases if phase.name.rpartition(": ")[2] in _LOAD)


def _under_load(uses: Sequence[Use]) -> dict[str, Any]:
    busy = [share for use in uses for share in use.busy]
    power_w = [power for use in uses for power in use.power_w]
    slowed = sum((use.slowed for use in uses), Counter[str]())
    readings = sum(use.readings for use in uses)
    return {
        "utilisation": GpuUtilisation(mean=fmean(busy) if busy else None, max=max(busy, default=None)),
        "power_watts": GpuPower(mean=fmean(power_w) if power_w else None, max=max(power_w, default=None)),
        "hottest_celsius": max((heat for use in uses for heat in use.heat_c), default=None),
        "throttling": {reason: count / readings for reason, count in sorted(slowed.items())},
    }


def gigabytes(size_bytes: float) -> str:
    """Decimal, two digits below ten: `3.11 GB`, `76.0 GB`."""
    size = size_bytes / 1e9
    return f"{size:.2f} GB" if size < 10 else f"{size:.1f} GB"
