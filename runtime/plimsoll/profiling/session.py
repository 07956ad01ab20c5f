"""Starts the servers of one run, one after the other, and fits each out with meters and load."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.measure.command import server_arguments
from plimsoll.profiling.measure.meter import ServerMeter
from plimsoll.profiling.measure.metrics import budget_connections
from plimsoll.profiling.measure.process import ServerProcess
from plimsoll.profiling.measure.server import ServerUnderTest, Stopwatch
from plimsoll.profiling.options import Progress

# The driver waits a little longer than the server, so that it sees its 504.
_LONGER_S = 5.0


@dataclass(slots=True)
class Session:
    """What outlives a server."""

    findings: Findings
    progress: Progress
    driver: DriverClient
    watch: Stopwatch
    aimed: bool = False

    @contextlib.contextmanager
    def server(
        self,
        cpus: Sequence[int] | None = None,
        groups: Sequence[Path] = (),
        prefix: str = "",
        variables: Mapping[str, str] | None = None,
        configuration: Configuration | None = None,
    ) -> Iterator[ServerUnderTest]:
        """A server that is ended when the block is; it is not ready yet. `prefix` tells its phases from the others'."""
        findings, options = self.findings, self.findings.options.configured(configuration)
        allowed = cpus or findings.placement.server
        arguments = server_arguments(options, findings.request_timeout_s, os.environ)
        variables = findings.gpu.growth | dict(variables or {})
        with ServerProcess(arguments, options.output_dir / "server.log", allowed, groups, variables) as process:
            meter = ServerMeter(process.tree)
            server = ServerUnderTest(
                options,
                findings.dataset,
                process,
                self.driver,
                meter,
                self.watch,
                self.progress,
                findings.request_timeout_s,
                recorder=findings.recorder,
                prefix=prefix,
                cpus=len(allowed or findings.host.allowed_cpus),
            )
            yield server

    def time_for(self, seconds: float) -> bool:
        """Whether so much more still ends within the overtime; always where no plan limits it."""
        plan = self.findings.plan
        return plan is None or self.watch.elapsed_s() + seconds <= plan.overtime_s

    def aim(self, server: ServerUnderTest) -> None:
        """Points the driver at this server; the answers of the first one are remembered.

        Whoever waits is told before anything is measured if the limit on open files bounds what can be offered.
        """
        options, timeout_s = self.findings.options, self.findings.request_timeout_s + _LONGER_S
        again, self.aimed = self.aimed, True
        self.driver.open(self.findings.dataset.rows, server.process.port, timeout_s, options.seed, again)
        budget = budget_connections(self.driver.most_connections, server.process.metrics())
        server.most_connections = budget.most
        if self.findings.connections is None and budget.bounds:
            self.progress.note(budget.sentence())
        self.findings.connections = self.findings.connections or budget
