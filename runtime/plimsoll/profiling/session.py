"""Starts the servers of one run, one after the other, and fits each out with meters and load."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from plimsoll.errors import DatasetError, UsageError
from plimsoll.host.cpus import Host, describe_host
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.dataset.rows import Dataset, Row
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.measure.collecting import collecting_aside
from plimsoll.profiling.measure.command import server_arguments
from plimsoll.profiling.measure.meter import ServerMeter
from plimsoll.profiling.measure.metrics import ConnectionBudget, budget_connections, read_batches
from plimsoll.profiling.measure.process import ServerProcess
from plimsoll.profiling.measure.server import ServerUnderTest, Stopwatch
from plimsoll.profiling.measure.timeline import Recorder
from plimsoll.profiling.measure.window import NOISY_SHARE
from plimsoll.profiling.options import ProfileOptions, Progress
from plimsoll.profiling.result.files import make_output_folder

PINNING_FROM_CPUS = 4
# The driver waits a little longer than the server, so that it sees its 504.
_LONGER_S = 5.0


@dataclass(frozen=True, slots=True)
class CpuPlacement:
    """CPU numbers; None leaves the affinity alone."""

    server: tuple[int, ...] | None
    driver: tuple[int, ...] | None


def place(allowed_cpus: Sequence[int], max_cores: float | None) -> CpuPlacement:
    """Which CPUs the server and the driver may use.

    From four usable CPUs on, the driver and this process keep the last one and the server gets the rest, so that they
    do not disturb each other. With fewer nobody is pinned: taking one of two CPUs away would measure another machine,
    and CPU per request, from which the recommendation is made, does not depend on it. `max_cores` also bounds the
    server's CPUs: it is the size of the biggest machine that is allowed.
    """
    cpus = tuple(allowed_cpus)
    driver = cpus[-1:] if len(cpus) >= PINNING_FROM_CPUS else None
    server = cpus[:-1] if driver else cpus
    if max_cores is not None:
        server = server[: max(1, math.ceil(max_cores))]
    return CpuPlacement(server if len(server) < len(cpus) else None, driver)


@dataclass(frozen=True, slots=True)
class Setup:
    """All that is fixed before anything is measured."""

    options: ProfileOptions
    dataset: Dataset
    host: Host
    placement: CpuPlacement
    request_timeout_s: float
    created: datetime

    @property
    def noisy_cores(self) -> float:
        """Other processes' CPU above which load was disturbed: 5 % of the machine."""
        return NOISY_SHARE * self.host.logical_cpus

    @property
    def server_cpus(self) -> tuple[int, ...]:
        """CPU numbers: those it is pinned to, else all that this process may use."""
        return tuple(self.placement.server or self.host.allowed_cpus)

    @property
    def server_cores(self) -> float:
        """What a server can use: its CPUs, or less where the profiler itself runs inside a quota."""
        return min(float(len(self.server_cpus)), self.host.usable_cores)

    def row_number(self, index: int) -> int:
        return self.dataset.rows[index].number


def _check_times(rows: Sequence[Row], path: Path) -> None:
    """Raises DatasetError for rows whose arrivals cannot be replayed."""
    times = {row.arrived_s for row in rows}
    if None in times or len(times) == 1:
        have = "have no times of arrival" if None in times else "all arrived at the same time"
        remedy = "record requests with --collect, or leave --arrivals out"
        raise DatasetError(f"{path}: its rows {have}, and --arrivals recorded needs the gaps", remedy=remedy)


def prepare(options: ProfileOptions) -> Setup:
    """Reads the dataset and looks at the machine; nothing is started."""
    if options.budget_s <= 0:
        raise UsageError("the budget must be longer than 0 s")
    dataset = load_dataset(
        options.dataset, options.content_type, options.format, options.max_rows, options.max_dataset_bytes
    )
    if options.recorded:
        _check_times(dataset.rows, options.dataset)
    make_output_folder(options.output_dir)
    host = describe_host()
    return Setup(
        options=options,
        dataset=dataset.with_headers(options.headers),
        host=host,
        placement=place(host.allowed_cpus, options.max_cpu_cores),
        request_timeout_s=options.longest_request_s,
        created=datetime.now(UTC),
    )


@dataclass(slots=True)
class Session:
    """What outlives a server. `variables` go to each of them; `overtime_s` is when nothing more may begin."""

    setup: Setup
    progress: Progress
    driver: DriverClient
    watch: Stopwatch
    recorder: Recorder = field(default_factory=Recorder)
    variables: Mapping[str, str] = field(default_factory=dict)
    overtime_s: float | None = None
    connections: ConnectionBudget | None = None
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
        setup, options = self.setup, self.setup.options.configured(configuration)
        allowed = cpus or setup.placement.server
        arguments = server_arguments(options, setup.request_timeout_s)
        variables = {**self.variables, **(variables or {})}
        with (
            collecting_aside(options.output_dir, options.collects) as flags,
            ServerProcess(
                [*arguments, *flags], options.output_dir / "server.log", allowed, groups, variables
            ) as process,
        ):
            yield ServerUnderTest(
                options,
                setup.dataset,
                process,
                self.driver,
                ServerMeter(process.tree),
                self.watch,
                self.progress,
                setup.request_timeout_s,
                recorder=self.recorder,
                prefix=prefix,
                cpus=len(allowed or setup.host.allowed_cpus),
                limited=bool(groups),
            )

    def time_for(self, seconds: float) -> bool:
        """Whether so much more still ends within the overtime; always where no plan limits it."""
        return self.overtime_s is None or self.watch.elapsed_s() + seconds <= self.overtime_s

    def aim(self, server: ServerUnderTest) -> None:
        """Points the driver at this server; the answers of the first one are remembered.

        Reports before anything is measured whether the limit on open files bounds what can be offered.
        """
        setup, again = self.setup, self.aimed
        self.aimed = True
        timeout_s = setup.request_timeout_s + _LONGER_S
        rows, seed, metrics = setup.dataset.rows, setup.options.seed, server.process.metrics()
        batches = read_batches(metrics)
        slots = server.options.slots * (batches.max_size if batches else 1)
        self.driver.open(rows, server.process.port, timeout_s, seed, again, slots, setup.options.spoken.path)
        budget = budget_connections(self.driver.most_connections, metrics)
        server.most_connections = budget.most
        if self.connections is None and budget.bounds:
            self.progress.note(budget.sentence())
        self.connections = self.connections or budget
