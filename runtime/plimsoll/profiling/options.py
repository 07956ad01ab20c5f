"""What one profile run is asked to do, and to whom it reports how far it is."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.slo import Slo
from plimsoll.profiling.dataset.load import Format
from plimsoll.profiling.dataset.sampling import MOST_BYTES, MOST_ROWS
from plimsoll.settings import DEFAULT_SEED

QUICK_S, DEFAULT_S, THOROUGH_S = 45.0, 180.0, 600.0
NAMED_BUDGETS_S = {"quick": QUICK_S, "default": DEFAULT_S, "thorough": THOROUGH_S}


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """One run. `server_arguments` go to `python -m plimsoll` unchanged; host and port are added.

    `budget_s` is the time aimed at for the whole run; a model that loads slowly takes longer. `max_cpu_cores` and
    `max_memory_gb` (decimal GB) say how big the recommendation may get. `workers` and `threads` are what the server
    arguments set. `request_timeout_s` of None follows the budget. `slo` is a latency that the replica must keep;
    `verify` says whether the recommendation is tried out under its own limits; `search_workers`, `search_threads` and
    `search_batches` whether other numbers of them may be tried too.
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
    slo: Slo | None = None
    verify: bool = True
    max_batch_size: int | None = None
    search_workers: bool = False
    search_threads: bool = False
    search_batches: bool = False

    @property
    def configuration(self) -> Configuration:
        """What the server arguments set."""
        return Configuration(self.workers, self.threads, self.max_batch_size)

    @property
    def searches(self) -> bool:
        """Whether other configurations may be tried."""
        return self.search_workers or self.search_threads or self.search_batches

    @property
    def slots(self) -> int:
        """Calls, or batches of calls, that the server can run at once."""
        return self.configuration.slots

    def configured(self, configuration: Configuration | None) -> ProfileOptions:
        """The same for a server in another configuration."""
        if configuration is None or configuration == self.configuration:
            return self
        return dataclasses.replace(
            self,
            workers=configuration.workers,
            threads=configuration.threads,
            max_batch_size=configuration.max_batch_size,
            server_arguments=[*self.server_arguments, *configuration.arguments()],
        )


class Progress(Protocol):
    """Who wants to know how far the run is; see plimsoll.reports.progress."""

    def phase(self, name: str, total_s: float) -> None:
        """A phase begins that is expected to take about `total_s`."""

    def advance(self, elapsed_s: float) -> None:
        """The phase has lasted `elapsed_s` so far."""

    def note(self, text: str) -> None:
        """One sentence for the user."""
