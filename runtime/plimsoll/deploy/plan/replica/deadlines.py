"""Who is refused because the wait would be too long, and who gives up.

As the server's dispatcher does it (plimsoll.workers.dispatch): a call is refused at once where a mean of the last run
times, times those that wait and itself, over the slots, is more than its deadline; and one that waits nevertheless
until its deadline is never run. One that was begun in time runs to its end, also where nobody waits for it any more.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from plimsoll.deploy.plan.replica.model import Patience, ReplicaModel

_SMOOTHING = 0.1
"""Of the dispatcher's mean."""


class Deadlines:
    """Of one stretch of time; begins with the mean of the model. All times must be given in their order."""

    def __init__(self, model: ReplicaModel, patience: Patience) -> None:
        batches = model.batches
        self.patience = patience
        self.in_vain_s = 0.0
        """That calls spent in the replica without being answered."""
        self._model = model
        self._turn = batches.largest * model.servers if batches else model.servers
        self._run_s = batches.run_s(batches.largest) if batches else model.service_s
        self._runs: list[tuple[float, float, int]] = []
        self._vain_s: deque[float] = deque()

    def begin(self, done_s: float, run_s: float, calls: int = 1) -> None:
        """So many calls are run together until `done_s`."""
        heappush(self._runs, (done_s, run_s, calls))

    def refuses(self, waiting: int, now_s: float) -> bool:
        """A call that comes when so many wait that will be run."""
        while self._vain_s and self._vain_s[0] <= now_s:
            self._vain_s.popleft()
        queued = waiting + len(self._vain_s) - self._model.ahead
        if queued >= self._model.most_waiting:
            return True
        while self._runs and self._runs[0][0] <= now_s:
            _, run_s, calls = heappop(self._runs)
            self._run_s += (run_s - self._run_s) * (1 - (1 - _SMOOTHING) ** calls)
        return queued > 0 and self._run_s * (queued + 1) / self._turn > self.patience.admission_s

    def wait_in_vain(self, now_s: float) -> None:
        """A call that comes now takes a place in the queue and is not run."""
        self._vain_s.append(now_s + self.patience.queue_s)
        self.in_vain_s += self.patience.queue_s

    def kept(self, latency_s: float) -> float | None:
        """None where the client has given up before."""
        if latency_s <= self.patience.answer_s:
            return latency_s
        self.in_vain_s += self.patience.answer_s
        return None
