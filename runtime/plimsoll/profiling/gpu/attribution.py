"""How much of a device's memory was the server's: by the device, by its processes, by the allocator, or not known.

In this order: (1) where nobody else is on the device, or on the slice, the rise since before the start, which has
everything in it; (2) else what the driver books on processes that were not there before, whatever their numbers are
(in a container they are the host's); (3) else what the framework's own allocator counts, which leaves out the CUDA
context of each process; (4) else nothing: never 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from plimsoll.host.gpus import Gpu, GpuReading
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.gpu.watch import GpuWatch, Phase, ServerWatch, Use

Method = Literal["device", "processes", "allocator"]
# What a driver keeps for itself on an idle card, where it counts that as used.
_IDLE_SHARE, _IDLE_BYTES = 0.02, 600 * MEBIBYTE
# Less than any CUDA context: such a rise is nobody's work.
TRACE_BYTES = 32 * MEBIBYTE
_LOAD = ("warm-up", "capacity", "growth", "open loop")
# Below this share of the time the card is as good as unused.
IDLE_SHARE = 0.05
WHOLE_SHARE = 0.95
"""Of a card: who holds so much takes the card as a whole, whatever the model needs."""
# A single reading in a long run is no reason to doubt it.
_OFTEN_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Held:
    """The most that a server held of one device; `method` None: not known, and `reason` says why."""

    method: Method | None
    size_bytes: int | None
    reason: str


def held(watch: GpuWatch, server: ServerWatch, gpu: Gpu, phases: Iterable[Phase] | None = None) -> Held:
    """Over these phases of the server, else over all of them; what an allocator says comes later."""
    uses = [phase.uses[gpu.uuid] for phase in (server.phases if phases is None else phases)]
    uses = [use for use in uses if use.readings]
    if not uses:
        return Held(None, None, "the device was not read while the server ran")
    before, own = watch.before[gpu.uuid], own_processes(watch, server, gpu)
    tenant = _tenant(before, gpu, foreign_processes(watch, server, gpu))
    if tenant is None:
        return _by_device(uses, before, gpu)
    return _by_process(uses, own, tenant)


def _by_device(uses: list[Use], before: GpuReading, gpu: Gpu) -> Held:
    sizes = [use.used_bytes for use in uses if use.used_bytes is not None]
    if not sizes or before.used_bytes is None:
        return Held(None, None, "the driver does not report how much of the memory is in use")
    place = "slice" if gpu.is_mig_slice else "GPU"
    return Held("device", max(0, max(sizes) - before.used_bytes), f"nobody else was on the {place}")


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
    listed = _listed(server, gpu)
    ours = frozenset(pid for phase in server.phases for pid in phase.uses[gpu.uuid].own)
    if ours:
        return ours
    return listed - _pids(watch.before.get(gpu.uuid)) - _pids(watch.after.get(gpu.uuid))


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
        busy = any(phase.uses[gpu.uuid].busy_most > 0 for phase in server.phases)
        return busy or (found.size_bytes or 0) >= TRACE_BYTES
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


def _listed(server: ServerWatch, gpu: Gpu) -> frozenset[int]:
    return frozenset(pid for phase in server.phases for pid in phase.uses[gpu.uuid].process_bytes)


def _pids(reading: GpuReading | None) -> frozenset[int]:
    processes = reading.processes if reading is not None else None
    return frozenset(process.pid for process in processes or ())


@dataclass(frozen=True, slots=True)
class Load:
    """One device under load; shares from 0 to 1, None where the driver does not report it."""

    busy_mean: float | None
    busy_most: float | None
    power_mean_w: float | None
    power_most_w: float | None
    hottest_c: float | None
    slowed: dict[str, float]

    @property
    def idle(self) -> bool:
        """Hardly any kernel ran."""
        return self.busy_mean is not None and self.busy_mean < IDLE_SHARE

    def often_slowed(self) -> dict[str, float]:
        """Reasons that were seen more than now and then."""
        return {reason: share for reason, share in self.slowed.items() if share >= _OFTEN_SHARE}


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU or slice, as far as the recommended server is concerned."""

    gpu: Gpu
    baseline_bytes: int | None
    peak_bytes: int | None
    held: Held
    used: bool | None
    others: int | None
    load: Load


def devices(watch: GpuWatch, configuration: Configuration) -> list[Device]:
    """Empty where no server was watched."""
    servers = servers_of(watch, configuration)
    return [_device(watch, servers, gpu) for gpu in watch.gpus] if servers else []


def servers_of(watch: GpuWatch, configuration: Configuration) -> list[ServerWatch]:
    """Those in this configuration, else all; not those that took more than they need or could not take more."""
    sound = [server for server in watch.servers if not server.preallocates and not server.trial]
    return [server for server in sound if server.configuration == configuration] or sound


def _device(watch: GpuWatch, servers: Sequence[ServerWatch], gpu: Gpu) -> Device:
    uses = [phase.uses[gpu.uuid] for server in servers for phase in server.phases]
    listed = watch.before[gpu.uuid].processes is not None or any(use.lists for use in uses)
    others = frozenset(pid for server in servers for pid in foreign_processes(watch, server, gpu))
    return Device(
        gpu=gpu,
        baseline_bytes=watch.before[gpu.uuid].used_bytes,
        peak_bytes=max((use.used_bytes for use in uses if use.used_bytes is not None), default=None),
        held=_most([held(watch, server, gpu) for server in servers]),
        used=_any([was_used(watch, server, gpu) for server in servers]),
        others=len(others) if listed else None,
        load=_load([phase.uses[gpu.uuid] for server in servers for phase in loaded(server.phases)]),
    )


def _any(signs: list[bool | None]) -> bool | None:
    """One sign is enough; no sign is one only where it would have been seen."""
    return True if True in signs else None if None in signs else False


def loaded(phases: Iterable[Phase]) -> list[Phase]:
    """Those in which as many requests came as the server could take, or as it is meant to take."""
    return [phase for phase in phases if phase.name.rpartition(": ")[2] in _LOAD]


def _most(found: list[Held]) -> Held:
    """The greatest that is known; where one server's is not known that of the others stands."""
    return max(found, key=lambda one: -1 if one.size_bytes is None else one.size_bytes)


def _load(uses: list[Use]) -> Load:
    readings = sum(use.readings for use in uses)
    busy, power = sum(use.busy_readings for use in uses), sum(use.power_readings for use in uses)
    slowed: Counter[str] = Counter()
    for use in uses:
        slowed.update(use.slowed)
    return Load(
        busy_mean=sum(use.busy_sum for use in uses) / busy if busy else None,
        busy_most=max(use.busy_most for use in uses) if busy else None,
        power_mean_w=sum(use.power_sum_w for use in uses) / power if power else None,
        power_most_w=max(use.power_most_w for use in uses) if power else None,
        hottest_c=max((use.hottest_c for use in uses if use.hottest_c is not None), default=None),
        slowed={reason: count / readings for reason, count in sorted(slowed.items())},
    )


def gigabytes(size_bytes: float) -> str:
    """Decimal, two digits below ten: `3.11 GB`, `76.0 GB`."""
    size = size_bytes / 1e9
    return f"{size:.2f} GB" if size < 10 else f"{size:.1f} GB"
