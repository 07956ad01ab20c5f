"""How the budget is shared out. What a phase does not use, the capacity levels get."""

from __future__ import annotations

from dataclasses import dataclass

_CENSUS, _WARMUP = 0.3, 0.3
_GROWTH, _RATES, _SLO, _SWEEP, _VERIFY = 0.1, 0.12, 0.15, 0.15, 0.15
# A window of growth is too short to be read below this, and a server is not started twice.
_SHORTEST_BUDGET_S = 15.0
_LONGEST_START_SHARE = 0.35
# Longer arrivals say little more.
_ENOUGH_RATE_S, _LONG_RATES = 15.0, 0.05
# The whole run may be this much longer where a recommendation failed and the next one is tried.
_OVERTIME = 1.12


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds for each phase; 0 leaves it out."""

    budget_s: float
    start_s: float
    verify: bool
    slo: bool
    elastic: bool = False
    search: bool = False

    @property
    def census_s(self) -> float:
        return _CENSUS * self.budget_s

    @property
    def growth_s(self) -> float:
        """Many short windows."""
        return _GROWTH * self.budget_s if self.budget_s >= _SHORTEST_BUDGET_S else 0.0

    @property
    def rate_s(self) -> float:
        """The level at the operating point, and that of each trial."""
        return min(_RATES * self.budget_s, max(_ENOUGH_RATE_S, _LONG_RATES * self.budget_s))

    @property
    def slo_s(self) -> float:
        """All levels of the search together."""
        return _SLO * self.budget_s if self.slo else 0.0

    @property
    def sweep_s(self) -> float:
        """All sizes together, their starts left out; only for models that take as many cores as there are."""
        return _SWEEP * self.budget_s if self.elastic and self.budget_s >= _SHORTEST_BUDGET_S else 0.0

    @property
    def quota_s(self) -> float:
        """Kept for sizes between whole CPUs; they may take more of what is left, up to `sweep_s`."""
        return self.sweep_s / 2

    @property
    def search_s(self) -> float:
        """Other configurations, one start left out; a model that takes all cores by itself needs no more."""
        worth = self.search and not self.elastic and self.budget_s >= _SHORTEST_BUDGET_S
        return _SWEEP * self.budget_s if worth and self.start_s <= _LONGEST_START_SHARE * self.budget_s else 0.0

    def tries(self, shortest_s: float) -> int:
        """How many other configurations there is time for, with a start and `shortest_s` of load each; at least one."""
        return max(1, int((self.search_s + self.start_s) / (self.start_s + shortest_s)))

    def try_s(self, count: int) -> float:
        """Load for each of `count` other configurations."""
        return (self.search_s + self.start_s) / count - self.start_s

    @property
    def verify_s(self) -> float:
        """One trial, the start of the server included."""
        return _VERIFY * self.budget_s + self.start_s + 1.0 if self.verifies else 0.0

    @property
    def verifies(self) -> bool:
        """Whether a second start is worth its time."""
        return self.verify and not self.why_unverified()

    def why_unverified(self) -> str:
        """Empty where the recommendation will be tried out."""
        if not self.verify:
            return "verification was switched off"
        if self.budget_s < _SHORTEST_BUDGET_S:
            return f"a budget below {_SHORTEST_BUDGET_S:.0f} s leaves no time to run the server a second time"
        if self.start_s > _LONGEST_START_SHARE * self.budget_s:
            return "the server takes too long to start for a second run within this budget"
        return ""

    def warmup_s(self, left_s: float) -> float:
        return _WARMUP * left_s

    def capacity_s(self, left_s: float) -> float:
        """What is left when the phases after it have their share, at least a third of it."""
        later_s = self.growth_s + self.rate_s + self.slo_s + self.verify_s + self.quota_s
        later_s += self.sweep_s + self.start_s * bool(self.sweep_s) + self.search_s + self.start_s * bool(self.search_s)
        return max(left_s - later_s, left_s / 3)

    @property
    def overtime_s(self) -> float:
        """When no further trial may begin, counted from the beginning of the run."""
        return self.budget_s * _OVERTIME
