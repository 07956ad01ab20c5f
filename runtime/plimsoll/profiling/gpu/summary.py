"""What the readings of one device come to, over the servers that were laid out as recommended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plimsoll.host.gpus import Gpu
from plimsoll.profiling.advice.configuration import Shape
from plimsoll.profiling.gpu.attribution import Held, foreign_processes, held, was_used
from plimsoll.profiling.gpu.watch import GpuWatch, Phase, ServerWatch, Use

_LOAD = ("warm-up", "capacity", "growth", "open loop")
# Below this share of the time the card is as good as unused.
IDLE_SHARE = 0.05
# A single reading in a long run is no reason to doubt it.
_OFTEN_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Load:
    """One device under load; shares from 0 to 1, None where the driver does not tell."""

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


def devices(watch: GpuWatch, shape: Shape) -> list[Device]:
    """Empty where no server was watched."""
    servers = servers_of(watch, shape)
    return [_device(watch, servers, gpu) for gpu in watch.gpus] if servers else []


def servers_of(watch: GpuWatch, shape: Shape) -> list[ServerWatch]:
    """Those of this shape, else all; not those that took more than they need, nor those that could not take more."""
    sound = [server for server in watch.servers if not server.grabbing and not server.trial]
    return [server for server in sound if server.shape == shape] or sound


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
