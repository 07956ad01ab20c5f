"""What autoscalers know of the replicas: means over a while, and late."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from plimsoll.deploy.plan.cluster.autoscaler import Metrics

RESOLUTION_S = 15.0
"""--metric-resolution of the metrics server, as its manifests set it."""
RATE_WINDOW_S = 60.0
"""Of a query such as rate(…[1m]): four scrapes, 15 s apart."""


class Signals:
    """CPU and requests under way over the last 15 s, the rate over the last minute; all of it `delay_s` ago."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._seen: deque[tuple[float, Metrics]] = deque()

    def note(self, at_s: float, metrics: Metrics) -> None:
        """Of the step that ends now."""
        self._seen.append((at_s, metrics))
        while len(self._seen) > 1 and self._seen[1][0] <= at_s - self._delay_s - RATE_WINDOW_S:
            self._seen.popleft()

    def at(self, at_s: float) -> Metrics:
        """What is known now; as long as there is nothing so old, the first step."""
        recent = list(self._over(at_s, RESOLUTION_S)) or [self._seen[0][1]]
        minute = list(self._over(at_s, RATE_WINDOW_S)) or [self._seen[0][1]]
        return Metrics(
            utilisation=sum(metrics.utilisation for metrics in recent) / len(recent),
            rps=sum(metrics.rps for metrics in minute) / len(minute),
            under_way=sum(metrics.under_way for metrics in recent) / len(recent),
        )

    def _over(self, at_s: float, window_s: float) -> Iterator[Metrics]:
        end_s = at_s - self._delay_s
        return (metrics for then_s, metrics in self._seen if end_s - window_s < then_s <= end_s)
