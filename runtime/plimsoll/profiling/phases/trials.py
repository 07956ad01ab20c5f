"""What is known of the trials of a recommendation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from plimsoll.host.groups import GroupUse
from plimsoll.profiling.phases.open_loop import RateLevel
from plimsoll.profiling.phases.start import Startup

Method = Literal["cgroup v1", "cgroup v2", "container", "affinity"]
Cause = Literal["memory", "cpu", "start", "noise", "driver"]


@dataclass(frozen=True, slots=True)
class Reference:
    """What the server did without limits: the trial repeats it, arrival by arrival."""

    rate_rps: float
    seconds: float
    p95_s: float | None
    p99_s: float | None
    achieved_rps: float
    failures: int
    seconds_to_ready: float
    start_cpu_s: float


@dataclass(slots=True)
class Trial:
    """One trial; `failures` are sentences, `causes` what they point to. None was not measured."""

    method: Method
    cpu_cores: float
    memory_bytes: int
    startup: Startup | None = None
    level: RateLevel | None = None
    use: GroupUse | None = None
    load_use: GroupUse | None = None
    tree_peak_bytes: int | None = None
    failures: list[str] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Nothing failed and the rate was tried."""
        return not self.failures and self.level is not None

    def fail(self, cause: Cause, text: str) -> None:
        """One more reason why not."""
        self.failures.append(text)
        self.causes.append(cause)


@dataclass(slots=True)
class Trials:
    """How the limits were enforced, and each trial; `why_not_enforced` says why the kernel did not do it."""

    method: Method
    reference: Reference
    attempts: list[Trial] = field(default_factory=list)
    why_not_enforced: str | None = None

    @property
    def passed(self) -> bool:
        """The last trial decides."""
        return bool(self.attempts) and self.attempts[-1].passed
