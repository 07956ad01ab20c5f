"""How many connections the load may use: what the load driver can open, and what the server accepts.

The driver inherits the limit on open files (`ulimit -n`) of the shell that starts the profiler and raises its own. The
server counts its descriptors at its start and says at `/metrics` how many connections it lets in; beyond that it
answers 503, which would be measured as if the model had failed.
"""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

MOST_CONNECTIONS = 896
"""No level asks for more, whatever the limits are: seven eighths of the 1,024 that the server lets in by itself."""
# Connections of the level before are closed while those of the next are made, and others ask for /metrics.
_SERVER_SHARE = 7 / 8
_METRIC = "plimsoll_connections_limit"


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
            f"the limit on open files (ulimit -n) or --max-connections allows {self.most} connections to the server;"
            " beyond that requests wait in the load driver. `ulimit -n 4096` before the start allows more (over the"
            " hard limit only as root, in containers --ulimit nofile=4096)"
        )


def budget_connections(driver: int, metrics: str) -> ConnectionBudget:
    """`driver` as the driver says, the server's part from its `metrics`; one that says nothing bounds nothing."""
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            if sample.name == _METRIC:
                return ConnectionBudget(driver, max(1, int(sample.value * _SERVER_SHARE)))
    return ConnectionBudget(driver)
