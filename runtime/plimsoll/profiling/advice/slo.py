"""A service level objective: a share of the requests that is answered within a time, and when a level has shown it.

With a share p of requests that may take at most L, the number of slower ones among n is binomial. A level passes when
so few slow ones would be unlikely (5 %) if more than 1-p were slow, and fails when so many would be unlikely if fewer
were: the early-stopping rule of the MLPerf load generator (mlcommons/inference, loadgen/early_stopping.cc).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from plimsoll.errors import UsageError
from plimsoll.profiling.latency import Distribution

_FORM = re.compile(r"p(\d+(?:\.\d+)?)\s*(?:=|<=|<)\s*(\d+(?:\.\d+)?)\s*(ms|s)")
_UNIT_S = {"ms": 0.001, "s": 1.0}
_CHANCE = 0.05
PERCENTILES = {0.5: "p50", 0.9: "p90", 0.95: "p95", 0.99: "p99", 0.999: "p999"}
"""Those that profiles hold, by the share of the requests."""


@dataclass(frozen=True, slots=True)
class Slo:
    """`share` of the requests (0..1) within `seconds`; a failed request counts as too slow."""

    share: float
    seconds: float

    @property
    def percentile(self) -> str | None:
        """What profiles call it; None for a share that they do not hold."""
        return PERCENTILES.get(round(self.share, 4))

    def __str__(self) -> str:
        return f"p{self.share * 100:g} of {self.seconds * 1000:g} ms"

    @property
    def flag(self) -> str:
        """As it is given on the command line: `parse_slo` makes the same of it."""
        return f"p{self.share * 100:.10g}={self.seconds * 1000:.10g}ms"

    def met(self, latency: Distribution, failures: int) -> bool | None:
        """Whether a level has shown it; None where too few requests decide."""
        count = latency.count + failures
        slow = latency.count_above(self.seconds) + failures
        if count and binomial_at_most(slow, count, 1 - self.share) <= _CHANCE:
            return True
        if count and 1 - binomial_at_most(slow - 1, count, 1 - self.share) <= _CHANCE:
            return False
        return None


def parse_slo(text: str) -> Slo:
    """`p99=200ms` or `p95=1.5s`; raises UsageError."""
    match = _FORM.fullmatch(text.strip())
    share = float(match[1]) / 100 if match else 0.0
    if match is None or not 0 < share < 1 or not float(match[2]):
        raise UsageError(f"--slo {text!r} is not a latency objective such as p99=200ms")
    return Slo(share, float(match[2]) * _UNIT_S[match[3]])


def binomial_at_most(successes: int, trials: int, chance: float) -> float:
    """P[Bin(trials, chance) ≤ successes], by logarithms: thousands of trials neither under- nor overflow."""
    if successes < 0:
        return 0.0
    if successes >= trials or chance <= 0:
        return 1.0
    if chance >= 1:
        return 0.0
    odds, rest = math.log(chance), math.log1p(-chance)
    whole = math.lgamma(trials + 1)
    terms = (
        whole - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * odds + (trials - k) * rest
        for k in range(successes + 1)
    )
    return min(1.0, math.fsum(math.exp(term) for term in terms))
