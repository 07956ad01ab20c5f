"""What one run of the profiler is asked to do, and where it reports its progress."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from plimsoll.contracts.spoken import Spoken
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.dataset.load import Format
from plimsoll.profiling.dataset.sampling import MOST_BYTES, MOST_ROWS
from plimsoll.settings.profiling import DEFAULT_SEED
from plimsoll.settings.serving import ServeSettings

QUICK_S, DEFAULT_S, THOROUGH_S = 45.0, 180.0, 600.0
NAMED_BUDGETS_S = {"quick": QUICK_S, "default": DEFAULT_S, "thorough": THOROUGH_S}
_REQUEST_SHARE = 1 / 3
_SHORTEST_REQUEST_S, _LONGEST_REQUEST_S = 15.0, 120.0


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """One run. `server_arguments` are settings of the server, see plimsoll.profiling.measure.command.

    `budget_s` is the time aimed at for the whole run; a model that loads slowly takes longer. `max_cpu_cores` and
    `max_memory_gb` (decimal GB) say how big the recommendation may get. `workers`, `threads` and `max_batch_size` are
    the configuration of the first server, `gpu` says whether it uses GPUs. `request_timeout_s` of None follows the
    budget. `headers` go with every request that does not have them itself. `slo` is a latency that the replica must
    keep; `verify` says whether the recommendation is tried out under its own limits; `search_workers`,
    `search_threads` and `search_batches` whether other numbers of them may be tried too. `max_queue`,
    `scoring_timeout_s` and `grace_s` are what the server will serve with; the measured one ends calls by
    `request_timeout_s`. `spoken` says where rows go that name no path of their own. `recorded`: the open loop replays
    the gaps between the recorded requests. `collects`: the server collects, see plimsoll.profiling.measure.collecting.
    """

    dataset: Path
    server_arguments: list[str]
    output_dir: Path
    budget_s: float = DEFAULT_S
    target_rps: float | None = None
    max_cpu_cores: float | None = None
    max_memory_gb: float | None = None
    content_type: str | None = None
    format: Format | None = None
    max_rows: int = MOST_ROWS
    max_dataset_bytes: int = MOST_BYTES
    name: str = "profile"
    description: str | None = None
    workers: int = 1
    threads: int = 1
    seed: int = DEFAULT_SEED
    start_timeout_s: float = 300.0
    request_timeout_s: float | None = None
    gpu: Literal["auto", "required", "off"] = "auto"
    headers: tuple[tuple[str, str], ...] = ()
    slo: Slo | None = None
    verify: bool = True
    max_batch_size: int | None = None
    search_workers: bool = False
    search_threads: bool = False
    search_batches: bool = False
    max_queue: int = ServeSettings.max_queue
    scoring_timeout_s: float = ServeSettings.scoring_timeout_ms / 1000
    grace_s: float = ServeSettings.grace_seconds
    spoken: Spoken = field(default_factory=Spoken)
    recorded: bool = False
    collects: bool = False

    @property
    def configuration(self) -> Configuration:
        return Configuration(self.workers, self.threads, self.max_batch_size)

    @property
    def searches(self) -> bool:
        return self.search_workers or self.search_threads or self.search_batches

    @property
    def slots(self) -> int:
        """Calls, or batches of calls, that the server can run at once."""
        return self.configuration.slots

    @property
    def longest_request_s(self) -> float:
        """How long a request may take: what was asked for, else a third of the budget, from 15 s to two minutes."""
        by_budget_s = min(max(_SHORTEST_REQUEST_S, self.budget_s * _REQUEST_SHARE), _LONGEST_REQUEST_S)
        return self.request_timeout_s or by_budget_s

    def configured(self, configuration: Configuration | None) -> ProfileOptions:
        if configuration is None or configuration == self.configuration:
            return self
        return dataclasses.replace(
            self,
            workers=configuration.workers,
            threads=configuration.threads,
            max_batch_size=configuration.max_batch_size,
        )


class Progress(Protocol):
    """Shows the user how far the run is; see plimsoll.reports.progress."""

    def phase(self, name: str, total_s: float) -> None:
        """A phase begins that is expected to take about `total_s`."""

    def advance(self, elapsed_s: float) -> None:
        """The phase has lasted `elapsed_s` so far."""

    def note(self, text: str) -> None:
        """One sentence for the user."""
