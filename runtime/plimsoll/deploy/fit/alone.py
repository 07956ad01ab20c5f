"""A virtual machine that one replica has for itself, as on managed platforms.

What the platform's own agents take of it is not published: only what firmware and kernel keep is counted.
"""

from __future__ import annotations

from dataclasses import replace

from plimsoll.deploy.fit.node import NodeType
from plimsoll.deploy.fit.replica import Replica
from plimsoll.deploy.fit.reserved import RESERVATIONS, Overrides
from plimsoll.deploy.fit.room import Room

_NO_DAEMONS = Overrides(daemon_millicores=0, daemon_bytes=0)


def room_alone(node: NodeType, replica: Replica) -> Room:
    seen_bytes = int(node.memory_bytes * (1 - RESERVATIONS[node.provider].unseen_share))
    return Room.on(replace(node, allocatable_cores=node.vcpu, allocatable_bytes=seen_bytes), replica, _NO_DAEMONS)
