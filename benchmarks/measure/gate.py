"""The noise gate: what was measured while somebody else used the machine is measured again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from benchmarks.measure.accounts import Accounts, Usage

T = TypeVar("T")
_LOOK_S = 0.25


@dataclass(frozen=True, slots=True)
class Measured(Generic[T]):
    """`quiet`: whether others used no more of the machine meanwhile than the gate lets pass."""

    value: T
    usage: Usage
    quiet: bool
    attempts: int


@dataclass(frozen=True, slots=True)
class Gate:
    """`most_disturbance`: the greatest share of the machine that others may use. `patience_s`: the longest wait."""

    most_disturbance: float = 0.03
    attempts: int = 3
    patience_s: float = 10.0

    def measure(self, server_pid: int, action: Callable[[], T]) -> Measured[T]:
        """Waits until the machine is quiet, then acts; again where it did not stay so. The quietest attempt counts."""
        best: Measured[T] | None = None
        for attempt in range(1, self.attempts + 1):
            measured = self._once(server_pid, action, attempt)
            if best is None or measured.usage.disturbance < best.usage.disturbance:
                best = measured
            if best.quiet:
                break
        assert best
        return best

    def measure_start(self, begin: Callable[[], T], end: Callable[[T], object]) -> Measured[T]:
        """The same for something that goes on afterwards, and is ended before it is begun anew: the last one counts."""
        for attempt in range(1, self.attempts):
            measured = self._once(None, begin, attempt)
            if measured.quiet:
                return measured
            end(measured.value)
        return self._once(None, begin, self.attempts)

    def wait_quiet(self, server_pid: int | None) -> bool:
        """Whether it was quiet for a moment within `patience_s`."""
        deadline_s = time.monotonic() + self.patience_s
        while True:
            accounts = Accounts(server_pid)
            time.sleep(_LOOK_S)
            if accounts.usage().disturbance <= self.most_disturbance:
                return True
            if time.monotonic() >= deadline_s:
                return False

    def _once(self, server_pid: int | None, action: Callable[[], T], attempt: int) -> Measured[T]:
        self.wait_quiet(server_pid)
        accounts = Accounts(server_pid)
        value = action()
        usage = accounts.usage()
        return Measured(value, usage, usage.disturbance <= self.most_disturbance, attempt)
