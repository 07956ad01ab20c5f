"""One server inside the recommended limits: its start, the heavy rows, the rate under its quota and on a full node.

What fails for want of CPU is tried again one size larger on the same server, while there is time.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

from plimsoll.errors import StartError
from plimsoll.host.cgroups.groups import GroupUse, limited_group
from plimsoll.profiling.advice.recommended import Recommended
from plimsoll.profiling.advice.rounding import next_cores
from plimsoll.profiling.measure.competitor import competitor
from plimsoll.profiling.measure.server import Load, NotMeasured, ServerLost, ServerUnderTest
from plimsoll.profiling.phases.start import TRIAL_PREFIX, Startup, wait_for_start
from plimsoll.profiling.result.verification import Kind
from plimsoll.profiling.session import Session
from plimsoll.profiling.trials.judgement import Cause, Failure, judge_request, judge_start
from plimsoll.profiling.trials.trial import (
    Enclosure,
    Loaded,
    Rehearsal,
    Trial,
    made_trial,
    repeat_under_quota,
    repeat_windows,
    warm_again,
)

_HEAVY_S = 0.5
# Kernels take no weight above 100 times the usual.
_MOST_WEIGHT = 100.0
# Of one trial: the last answers, a competitor that settles.
_AROUND_S = 0.5
_MOST_STEP = 2.0


class Proof:
    """`recommended` is changed by what trials show: it passed the last of them, or is next to be tried."""

    def __init__(
        self, session: Session, recommended: Recommended, rehearsal: Rehearsal, enclosure: Enclosure, most_cores: float
    ) -> None:
        self.recommended = recommended
        self._session = session
        self._rehearsal = rehearsal
        self._enclosure = enclosure
        self._most_cores = most_cores
        self._before: GroupUse | None = None
        self._startup: Startup | None = None
        self._peak_bytes = 0
        self._early: list[Failure] = []
        self._kind: Kind = "limit"
        self._disturbed = False

    def trials(self) -> Iterator[Trial]:
        """As they end; a server that dies of its limits is a result like any other."""
        self._before = self._enclosure.use()
        self._enclosure.limit(self.recommended.limits)
        cpus = None if self._enclosure.enforced else self._fewest_cpus()
        variables, configuration = self.recommended.environment(), self.recommended.configuration
        doors = self._enclosure.doors()
        with self._session.server(cpus, doors, TRIAL_PREFIX, variables, configuration) as server:
            try:
                yield from self._on(server)
            except (ServerLost, StartError) as error:
                cause: Cause = "start" if self._startup is None else "memory"
                yield self._trial(Failure(cause, f"the server was lost: {error}"))
            except NotMeasured as lost:
                yield self._trial(Failure("driver", str(lost)))

    def why_no_competitor(self) -> str | None:
        """Why the request cannot be tried on a full node here; None where it can."""
        if not self._enclosure.enforced:
            return "no control group can be made here, and without one no share of the CPUs can be given to a server"
        request_cores = self.recommended.request_cores
        if self._left_cores(request_cores) > 0:
            return None
        shared = " together with the load driver" if request_cores < self._session.setup.server_cores else ""
        return f"the request is{shared} all the CPU that this machine has: nothing is left for others to take"

    def _fewest_cpus(self) -> tuple[int, ...]:
        return self._session.setup.server_cpus[: max(1, math.ceil(self.recommended.limits.cpu_cores))]

    def _left_cores(self, request_cores: float) -> float:
        """What a competitor may take of the server's CPUs on a node whose requests add up to all there is."""
        setup = self._session.setup
        driver_cores = 0.0 if setup.placement.driver else self._rehearsal.reference.driver_cores
        return setup.server_cores - driver_cores - request_cores

    def _on(self, server: ServerUnderTest) -> Iterator[Trial]:
        self._startup = wait_for_start(server)
        self._peak_bytes = self._startup.memory.total.peak_bytes
        limit_cores = self.recommended.limits.cpu_cores
        self._early += judge_start(self._startup, self._rehearsal.reference, limit_cores)
        self._session.aim(server)
        self._send_heavy(server)
        server.choose(self._rehearsal.load)
        warm_again(server)
        passed = False
        for trial in self._limits(server):
            passed = trial.attempt.passed
            yield trial
        if passed and self.why_no_competitor() is None:
            self._kind = "request"
            yield from self._requests(server)

    def _limits(self, server: ServerUnderTest) -> Iterator[Trial]:
        while True:
            trial = self._under_quota(server)
            yield trial
            limit_cores = self.recommended.limits.cpu_cores
            if "cpu" not in trial.causes or limit_cores >= self._most_cores:
                return
            # The request is still to be tried.
            last = self._time_for(1) and not self._time_for(2)
            self.recommended = self.recommended.with_limit(next_size(limit_cores, self._most_cores, last=last))
            if self._early or not self._enclosure.enforced or not self._time_for(1):
                return
            self._enclosure.limit(self.recommended.limits)

    def _requests(self, server: ServerUnderTest) -> Iterator[Trial]:
        while True:
            trial = self._on_full_node(server)
            yield trial
            cores = self.recommended.request_cores
            if "cpu" not in trial.causes or cores >= self._most_cores:
                return
            # With all there is nobody else is left: what has held without a competitor holds.
            last = not self._time_for(1) and self._left_cores(self._most_cores) <= 0
            self.recommended = self.recommended.with_request(next_size(cores, self._most_cores, last=last))
            if self.why_no_competitor() is not None or not self._time_for(1):
                return
            self._enclosure.limit(self.recommended.limits)

    def _time_for(self, trials: int) -> bool:
        return self._session.time_for(trials * (self._rehearsal.reference.seconds + _AROUND_S))

    def _under_quota(self, server: ServerUnderTest) -> Trial:
        loaded = repeat_under_quota(self._session, server, self._rehearsal.reference, self._enclosure)
        self._disturbed = loaded.disturbed
        return self._after(server, loaded)

    def _on_full_node(self, server: ServerUnderTest) -> Trial:
        request, cpus = self.recommended.request_cores, self._session.setup.server_cpus
        left = self._left_cores(request)
        # Who else is at work cannot be seen beside a competitor: whoever was there before still is.
        noisy_cores = -1.0 if self._disturbed else math.inf
        scale = min(1.0, _MOST_WEIGHT / max(request, left))
        with limited_group(self._enclosure.delegation, "competitor") as others, contextlib.ExitStack() as stack:
            if others is not None:
                self._enclosure.weigh(request * scale)
                stack.callback(self._enclosure.weigh, len(cpus))
                others.weigh(left * scale)
                stack.enter_context(competitor(others, cpus))
            reference, enclosure = self._rehearsal.reference, self._enclosure
            loaded = repeat_windows(self._session, server, reference, enclosure, judge_request, noisy_cores)
        return self._after(server, loaded)

    def _after(self, server: ServerUnderTest, loaded: Loaded) -> Trial:
        self._peak_bytes = max(self._peak_bytes, server.meter.memory().total.peak_bytes)
        return self._trial(*loaded.failures, loaded=loaded)

    def _trial(self, *failures: Failure, loaded: Loaded | None = None) -> Trial:
        use, recommended = self._enclosure.since(self._before), self.recommended
        return made_trial(
            self._kind,
            recommended.limits,
            (*self._early, *failures, *self._memory_failures(use)),
            loaded,
            weight_cores=recommended.request_cores if self._kind == "request" else None,
            startup=self._startup,
            use=use,
            peak_bytes=self._peak_bytes or None,
        )

    def _memory_failures(self, use: GroupUse | None) -> Iterator[Failure]:
        """Where nobody enforces the limit on the server alone, what its processes held is compared with it."""
        limit_bytes = self.recommended.limits.memory_bytes or 0
        if use is not None and use.oom_kills:
            yield Failure("memory", f"the kernel killed {use.oom_kills} process(es) for memory")
        elif not self._enclosure.enforced and self._peak_bytes > limit_bytes:
            held = f"{self._peak_bytes / 1e6:.0f} MB, more than {limit_bytes / 1e6:.0f} MB"
            yield Failure("memory", f"it held {held}")

    def _send_heavy(self, server: ServerUnderTest) -> None:
        """The most expensive rows and a sample alone, then the one that takes most memory on every slot at once."""
        rows, heaviest = self._rehearsal.rows, self._rehearsal.heaviest
        server.begin("heavy rows", sum(rows.values()))
        for index in rows:
            answer = server.send_row(index)
            if not answer.succeeded:
                number = self._session.setup.row_number(index)
                self._fail(server, f"row {number} was answered before, now {answer.outcome}")
        if heaviest is not None:
            server.choose(Load([heaviest]))
            at_once = server.window(server.options.slots, _HEAVY_S, _HEAVY_S, whole_passes=False).answer
            if at_once.successes < at_once.requests:
                self._fail(server, "the heaviest row failed when every slot had it at once")

    def _fail(self, server: ServerUnderTest, text: str) -> None:
        self._early.append(Failure("memory", text))
        server.wait_until_ready(server.request_timeout_s)


def next_size(cores: float, most_cores: float, *, last: bool) -> float:
    """One size up; but where it is the `last` that is tried, all there is, as it must not fail.

    Unless that is more than twice as much: then an honest "not verified" is worth more.
    """
    if last and most_cores <= _MOST_STEP * cores:
        return most_cores
    return min(next_cores(cores), most_cores)
