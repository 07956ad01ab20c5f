"""Questions to Prometheus, in the server's own metrics (plimsoll.server.metrics)."""

from __future__ import annotations

from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values

SCRAPE_S = 15
"""As often as the Deployment's autoscaler looks, and half of Prometheus' own default."""
RATE_WINDOW_S = 4 * SCRAPE_S
"""Four scrapes: a rate needs two, and one or two may be lost."""
FAILED = 'status=~"429|5.."'


class Queries:
    """Of one deployment: series carry the name of its Service as `job`, and its namespace.

    `scoring`: calls of the model alone, not of probes and scrapes.
    """

    def __init__(self, values: Values, options: ManifestOptions) -> None:
        place = f',namespace="{options.namespace}"' if options.namespace else ""
        self._own = f'job="{values.name}"{place}'
        self.scoring = f'route="{values.profile.settings.scoring_route}"'

    def of(self, metric: str, *labels: str) -> str:
        return f"{metric}{{{','.join([self._own, *labels])}}}"

    def rate(self, metric: str, *labels: str, window: str = f"{RATE_WINDOW_S}s") -> str:
        return f"rate({self.of(metric, *labels)}[{window}])"

    def offered_rps(self, window: str = f"{RATE_WINDOW_S}s") -> str:
        """What clients want, refused requests too."""
        return f"sum({self.rate('plimsoll_requests_total', self.scoring, window=window)})"

    def under_way(self) -> str:
        """Calls that run or wait, of all replicas."""
        return f"sum({self.of('plimsoll_requests_in_flight')}) + sum({self.of('plimsoll_queue_length')})"

    def serving(self) -> str:
        """Replicas that have a slot for calls."""
        return f"count({self.of('plimsoll_slots')} > 0)"

    def quantile(self, share: float, window: str = f"{RATE_WINDOW_S}s") -> str:
        """Seconds that this share of the requests did not exceed, by the bounds of the histogram."""
        buckets = self.rate("plimsoll_request_seconds_bucket", window=window)
        return f"histogram_quantile({share:g}, sum by (le) ({buckets}))"

    def mean(self, histogram: str) -> str:
        """Of what a histogram counts."""
        return f"sum({self.rate(f'{histogram}_sum')}) / sum({self.rate(f'{histogram}_count')})"

    def line(self, metric: str, profiled: str, over: str = "sum") -> str:
        """What the replicas themselves say, from the tag beside their model; without a tag, what was profiled."""
        return f"{over}({self.of(f'plimsoll_load_line_{metric}')}) or {profiled}"
