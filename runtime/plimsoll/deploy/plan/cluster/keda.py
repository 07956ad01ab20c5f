"""KEDA: a metric of its own for the HorizontalPodAutoscaler that it makes, and the way to zero and back.

After https://keda.sh/docs/latest/reference/scaledobject-spec/: between 1 and N replicas it is the HPA that scales, with
its own period and behaviour, and asks KEDA for the metric each time. Every `pollingInterval` (30 s) KEDA itself looks
whether the trigger is active: that brings a deployment from 0 to 1 at once, and back to 0 after `cooldownPeriod`
(300 s) without activity.
"""

from __future__ import annotations

from dataclasses import dataclass

POLLING_INTERVAL_S = 30.0
COOLDOWN_PERIOD_S = 300.0


@dataclass(slots=True)
class Activation:
    """0 to 1 and 1 to 0; `least` is minReplicaCount, and nothing happens here unless that is 0."""

    least: int
    _polled_s: float = float("-inf")
    _active_s: float = 0.0

    def replicas(self, at_s: float, current: int, total: float) -> int:
        """What KEDA itself makes of `current`; to be asked at least once in a polling interval."""
        if self.least > 0 or at_s - self._polled_s < POLLING_INTERVAL_S:
            return current
        self._polled_s = at_s
        if total > 0:
            self._active_s = at_s
            return max(current, 1)
        return 0 if at_s - self._active_s >= COOLDOWN_PERIOD_S else current
