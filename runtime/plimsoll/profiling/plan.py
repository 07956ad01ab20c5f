"""How the budget is shared out. What a phase does not use, the capacity levels get."""

from __future__ import annotations

from dataclasses import dataclass

_CENSUS, _WARMUP = 0.3, 0.3
_GROWTH, _RATES, _SLO, _SWEEP = 0.1, 0.12, 0.15, 0.15
# 10 s of the quick budget, 20 s of the default, 60 s of the thorough one: a stall that comes every 5 s must be seen
# more than once.
_OPERATING, _SURE_OPERATING, _SURE_OPERATING_S, _MOST_OPERATING_S = 1 / 9, 10 / 45, 10.0, 60.0
WINDOWS, SEARCH_WINDOWS, TRIAL_WINDOWS = 4, 1, 2
"""Of the operating point, and how many of them are repeated under each quota of the search and in each trial."""
# Quotas in search of the limit.
_TRIES = 5
# Of a limit that fails, of the next one, and of the request.
_TRIALS = 3
# Ending a server, the heavy rows, the warm-up.
_AROUND_S = 1.0
# A window of growth is too short to be read below this, and a server is not started twice.
_SHORTEST_BUDGET_S = 15.0
_LONGEST_START_SHARE = 0.35
SHORT_BUDGET_S = 60.0
"""Below it, as `quick` is, less is measured for completeness' sake."""
# Longer arrivals say little more.
_ENOUGH_RATE_S, _LONG_RATES = 15.0, 0.05
# The whole run may be this much longer where a recommendation failed and the next one is tried: 12 s at `quick`, which
# then ends within a minute.
_OVERTIME, _SHORT_OVERTIME, _SHORT_OVERTIME_S = 0.12, 1 / 3, 12.0


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
        """A trend shows only over many short windows."""
        return _GROWTH * self.budget_s if self.budget_s >= _SHORTEST_BUDGET_S else 0.0

    @property
    def most_growth_s(self) -> float:
        """With the requests that a high percentile of the knee needs; in a hurry there is no time for those."""
        return self.growth_s if self.budget_s < SHORT_BUDGET_S else 2 * self.growth_s

    @property
    def rate_s(self) -> float:
        """The level at the operating point where nothing is verified."""
        return min(_RATES * self.budget_s, max(_ENOUGH_RATE_S, _LONG_RATES * self.budget_s))

    @property
    def slo_s(self) -> float:
        """For all rates that are tried in search of the one that still meets the objective."""
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
    def operating_s(self) -> float:
        """Load at the operating point without limits, all windows together."""
        least_s = min(_SURE_OPERATING_S, _SURE_OPERATING * self.budget_s)
        return min(_MOST_OPERATING_S, max(least_s, _OPERATING * self.budget_s))

    @property
    def limit_search_s(self) -> float:
        """All quotas that are tried on the server of the operating point; at low rates they are fewer."""
        return _TRIES * SEARCH_WINDOWS * self.operating_s / WINDOWS

    @property
    def trial_s(self) -> float:
        """The trials of limit and request, the start of their server included."""
        return _TRIALS * TRIAL_WINDOWS * self.operating_s / WINDOWS + self.start_s + _AROUND_S

    @property
    def verify_s(self) -> float:
        """The operating point, the search for the limit and the trials, with the starts of two servers."""
        if not self.verifies:
            return 0.0
        return self.operating_s + self.limit_search_s + self.start_s + _AROUND_S + self.trial_s

    @property
    def verifies(self) -> bool:
        """Whether a second start is worth its time."""
        return not self.why_unverified()

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
        """What is left when the phases after it have their share, at least a fifth of it."""
        later_s = self.growth_s + self.rate_s * (not self.verifies) + self.slo_s + self.verify_s + self.quota_s
        later_s += self.sweep_s + self.start_s * bool(self.sweep_s) + self.search_s + self.start_s * bool(self.search_s)
        return max(left_s - later_s, left_s / 5)

    @property
    def overtime_s(self) -> float:
        """When no further trial may begin, counted from the beginning of the run."""
        return self.budget_s + max(_OVERTIME * self.budget_s, min(_SHORT_OVERTIME * self.budget_s, _SHORT_OVERTIME_S))
