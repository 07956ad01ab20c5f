"""Phase: the recommendation is a hypothesis until a server has run inside it. Three trials at most, each a step up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from plimsoll.host.groups import Delegation
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.phases.trial import (
    Enclosure,
    Method,
    Reference,
    Rehearsal,
    Trial,
    enforcement,
    limited_group,
    try_out,
)
from plimsoll.profiling.session import Session

_MOST_TRIALS = 3
# Ending one server, the heavy rows, the warm-up.
_AROUND_S = 4.0


@dataclass(frozen=True, slots=True)
class Verification:
    """How the limits were enforced, and each trial; `why_not_enforced` says why the kernel did not do it.

    `recommended` is what came out of it: raised where the first trial failed and more helped.
    """

    method: Method
    reference: Reference
    recommended: Recommended
    trials: tuple[Trial, ...] = ()
    why_not_enforced: str | None = None

    @property
    def passed(self) -> bool:
        """The last trial decides."""
        return bool(self.trials) and self.trials[-1].passed

    def with_trial(self, trial: Trial) -> Verification:
        return dataclasses.replace(self, trials=(*self.trials, trial))


def verify(session: Session, recommended: Recommended, rehearsal: Rehearsal) -> Iterator[Verification]:
    """Yields when a trial begins and when its outcome is known; needs the servers before gone."""
    with enforcement() as (delegation, why_not):
        method = method_of(delegation)
        found = Verification(method, rehearsal.reference, recommended, why_not_enforced=why_not)
        yield from _climb(session, found, rehearsal, delegation)


def method_of(delegation: Delegation | None) -> Method:
    """How limits are enforced with it."""
    if delegation is None:
        return "affinity"
    return "cgroup v1" if delegation.version == 1 else "cgroup v2"


def _climb(
    session: Session, found: Verification, rehearsal: Rehearsal, delegation: Delegation | None
) -> Iterator[Verification]:
    first, tried = found.recommended, found.recommended
    for number in range(_MOST_TRIALS):
        if tried.cpu is None or tried.memory is None:
            return
        trial = Trial(found.method, tried.cpu.cores.request_cores, tried.memory.size.limit_bytes)
        found = dataclasses.replace(found.with_trial(trial), recommended=tried)
        yield found
        with limited_group(delegation, number) as group:
            try_out(session, trial, tried, rehearsal, Enclosure(group))
        if trial.passed or number == _MOST_TRIALS - 1 or _too_late(session, trial):
            break
        tried = _step_up(tried, trial, session.setup.options.max_cpu_cores)
    if not found.passed:
        # More CPU did not help: then nothing says that it is needed.
        found = dataclasses.replace(found, recommended=dataclasses.replace(tried, cpu=first.cpu))
    yield found


def _too_late(session: Session, trial: Trial) -> bool:
    """One more would take about as long as this one."""
    start_s = trial.startup.seconds_to_ready if trial.startup else 0.0
    load_s = trial.level.seconds if trial.level else 0.0
    return not session.time_for(start_s + load_s + _AROUND_S)


def _step_up(tried: Recommended, trial: Trial, max_cores: float | None) -> Recommended:
    if "memory" in trial.causes or ("start" in trial.causes and trial.use and trial.use.oom_kills):
        tried = tried.with_more_memory()
    if {"cpu", "start"} & set(trial.causes):
        tried = tried.with_more_cpu(max_cores)
    return tried
