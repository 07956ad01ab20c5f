"""How many connections the load may use: what the limit on open files (`ulimit -n`) leaves the driver and the server.

Both inherit the limit of the shell that starts the profiler. The driver raises its own; what the server's processes
made of theirs is read when it is ready.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from plimsoll.host.descriptors import descriptor_limit

MOST_CONNECTIONS = 1024
"""No level asks for more, whatever the limits are."""
# The server keeps descriptors for accepting, refusing and handing over large bodies, and may refuse connections well
# below its limit: half of what it has free is never near that.
_SERVER_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class ConnectionBudget:
    """How many connections the load driver and the server can hold."""

    driver: int
    server: int = MOST_CONNECTIONS

    @property
    def most(self) -> int:
        """At the same time."""
        return min(self.driver, self.server, MOST_CONNECTIONS)

    @property
    def bounds(self) -> bool:
        """Whether less can be offered than a level might ask for."""
        return self.most < MOST_CONNECTIONS

    def sentence(self) -> str:
        """Cause and remedy."""
        return (
            f"the limit on open files (ulimit -n) allows {self.most} connections to the server; beyond that requests"
            " wait in the load driver. `ulimit -n 4096` before the start allows more (over the hard limit only as root,"
            " in containers --ulimit nofile=4096)"
        )


def budget_connections(driver: int, server_pids: Iterable[int]) -> ConnectionBudget:
    """`driver` as the driver says; the front is the process that allows itself most, the master keeps what it got."""
    free = [left for pid in server_pids if (left := _free_descriptors(pid)) is not None]
    return ConnectionBudget(driver, max(1, int(max(free) * _SERVER_SHARE))) if free else ConnectionBudget(driver)


def _free_descriptors(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        return descriptor_limit(pid) - sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    return None
