"""Does what a deployment file asks for hold the profiled model, and what would?

On managed VMs of Azure ML every replica has one for itself, and must find its limits there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plimsoll.deploy.fit.alone import room_alone
from plimsoll.deploy.fit.node import NodeType
from plimsoll.deploy.fit.processor import gpu_likeness
from plimsoll.deploy.fit.replica import Replica, described, recommended
from plimsoll.deploy.fit.room import Room, lacks
from plimsoll.deploy.fit.table import MANAGED, read_nodes
from plimsoll.deploy.needs import ReplicaNeeds, read_needs
from plimsoll.deployment_file.found import Resources, Target
from plimsoll.errors import UsageError
from plimsoll.profiling.advice.rounding import MEBIBYTE
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.units import cores, number

# Against quantities that differ in the last digit only.
_HAIR = 1e-9


def holding_lines(path: Path, target: Target) -> Iterator[str]:
    """Of the profile that lies there: one for the place, one for the number of instances; none without an answer."""
    try:
        needs, profile = read_needs(path)
    except UsageError:
        return  # which the report has already said
    if target.instance_type is not None:
        yield _Types(recommended(needs, guaranteed=True), _gpu_name(profile)).judged(target.instance_type)
    if target.resources.given:
        yield _in_resources(target.resources, needs)
    rate_rps = profile.settings.target_requests_per_second
    if target.instances is not None and rate_rps is not None:
        yield _counted(target.instances, needs, rate_rps)


def _gpu_name(profile: Profile) -> str | None:
    measured = profile.measurements.gpu
    return measured.devices[0].name if measured and measured.devices and profile.recommendation.gpu else None


@dataclass(frozen=True)
class _Types:
    """The types of Azure, as rooms for one replica."""

    replica: Replica
    gpu_name: str | None

    def judged(self, name: str) -> str:
        offered = {node.name.lower(): self._room(node) for node in read_nodes(MANAGED)}
        least = min(filter(self._holds, offered.values()), key=self._order, default=None)
        would = f"{_shown(least.node)} would do" if least else "no type of managed endpoints would do"
        room = offered.get(name.lower()) or self._of_cluster(name)
        needed = f"the limits of one replica, {described(self.replica)}"
        if room is None:
            return f"{name}: its size is not known here; of those that are, for {needed}, {would}"
        if not self._holds(room):
            return f"{_shown(room.node)} does not hold {needed}: it lacks {self._lacks(room)}; {would}"
        smaller = least is not None and self._order(least) < self._order(room)
        return f"{_shown(room.node)} holds {needed}; {would if smaller else 'no smaller type would do'}"

    def _of_cluster(self, name: str) -> Room | None:
        """Newer types, which managed endpoints may offer by now."""
        return next((self._room(node) for node in read_nodes("azure") if node.name.lower() == name.lower()), None)

    def _room(self, node: NodeType) -> Room:
        return room_alone(node, self.replica)

    def _holds(self, room: Room) -> bool:
        return room.fits > 0 and not self._has_another_gpu(room)

    def _order(self, room: Room) -> tuple[bool, float]:
        """By size; a GPU that would lie idle comes after all sizes without one."""
        return not self.replica.gpus and room.node.gpu_count > 0, room.node.size_cores

    def _has_another_gpu(self, room: Room) -> bool:
        return self.replica.gpus > 0 and gpu_likeness(self.gpu_name, room.node.gpu) == "other"

    def _lacks(self, room: Room) -> str:
        return lacks(room, self.replica) or f"the GPU that was measured, {self.gpu_name}"


def _shown(node: NodeType) -> str:
    """`Standard_DS3_v2 (4 cores, 14 GiB)`."""
    gpus = f", {node.gpu_count} x {node.gpu}" if node.gpu else ""
    return f"{node.name} ({cores(node.vcpu)}, {node.memory_bytes / (1024 * MEBIBYTE):g} GiB{gpus})"


def _in_resources(given: Resources, needs: ReplicaNeeds) -> str:
    """Kubernetes stops what exceeds its limits, and gives on a full node what is requested; both were proved."""
    pairs = (
        ("requests.cpu", given.request_cores, needs.request_cores, cores),
        ("limits.cpu", given.limit_cores, needs.limit_cores, cores),
        ("requests.memory", given.request_bytes, needs.request_bytes, _mebibytes),
        ("limits.memory", given.limit_bytes, needs.limit_bytes, _mebibytes),
    )
    short = [
        f"{name} is {show(has)}, and {show(need)} would"
        for name, has, need, show in pairs
        if has is not None and has < need * (1 - _HAIR)
    ]
    if needs.gpu is not None and (gpus := given.gpus_for(needs.gpu.resource)) < needs.gpu.count:
        short.append(f"{needs.gpu.resource} is {gpus:g}, and {needs.gpu.count} would")
    return f"resources do not hold it: {'; '.join(short)}" if short else "resources hold it"


def _mebibytes(size_bytes: float) -> str:
    return f"{size_bytes / MEBIBYTE:.0f} Mi"


def _counted(instances: int, needs: ReplicaNeeds, rate_rps: float) -> str:
    wanted = needs.replicas_for(rate_rps)
    verdict = "enough" if instances >= wanted else f"too few, and {wanted} would do,"
    each = f"of which one carries {number(needs.rate_rps)}"
    return f"instance_count {instances} is {verdict} for {number(rate_rps)} requests/s, {each}"
