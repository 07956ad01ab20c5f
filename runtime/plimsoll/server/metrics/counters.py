"""What the front counts. How it is exposed to a scrape is another matter (see metrics_counted)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate

SECONDS_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


class Tally:
    """A histogram that only the event loop touches.

    prometheus_client's own takes a lock per bucket; with four observations a request that was a tenth of
    the front's CPU for an echo. This one adds a number to a list; the library still writes the exposition.
    """

    def __init__(self, name: str, text: str, bounds: tuple[float, ...] = SECONDS_BOUNDS) -> None:
        self.name = name
        self.text = text
        self.bounds = bounds
        self.sum = 0.0
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def up_to_bounds(self) -> Iterable[int]:
        """How many lay at or below each bound, and last how many there were."""
        return accumulate(self._counts)


class Outcomes:
    """Requests by route, outcome and status; the route is a template of ours, never what a client wrote."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, int]] = Counter()

    def add(self, outcome: str, status: int, route: str) -> None:
        self.counts[route, outcome, status] += 1


class Metrics:
    """`restarts` by reason."""

    def __init__(self) -> None:
        self.requests = Outcomes()
        self.queue_wait = Tally("plimsoll_queue_wait_seconds", "Time from accepting a call to starting it.")
        self.run_time = Tally("plimsoll_run_seconds", "Time inside the script's run().")
        self.request_time = Tally("plimsoll_request_seconds", "Time from the request head to the response's last byte.")
        self._batches = Tally("plimsoll_batch_size", "Calls passed to run() as one batch.", _SIZES)
        self._batch_time = Tally("plimsoll_batch_seconds", "Time inside run() for one batch.")
        self.loop_lag = Tally(
            "plimsoll_event_loop_lag_seconds", "How late a timer rang that is set while calls wait or run."
        )
        self.tallies = (
            self.queue_wait,
            self.run_time,
            self.request_time,
            self._batches,
            self._batch_time,
            self.loop_lag,
        )
        self.restarts: Counter[str] = Counter()

    def on_restart(self, reason: str) -> None:
        self.restarts[reason] += 1

    def on_batch(self, size: int) -> None:
        self._batches.observe(size)

    def on_batch_run(self, run_s: float) -> None:
        self._batch_time.observe(run_s)
