"""Requests and connections that are refused before a script could see them: counted each, logged once a second."""

from __future__ import annotations

import logging
import time
from collections import Counter

from plimsoll.errors import RequestError
from plimsoll.server.metrics.counters import Outcomes

_LOG = logging.getLogger("plimsoll.server")
_PAUSE_S = 1.0


class Refusals:
    """A flood of bad requests makes one line a second for each kind, with their number."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        self._unreported: Counter[str] = Counter()
        self._reported_at: dict[str, float] = {}

    def note(self, error: RequestError) -> None:
        self._outcomes.add(error.code, error.status, "connection")
        self._unreported[error.code] += 1
        now = time.monotonic()
        if now - self._reported_at.get(error.code, -_PAUSE_S) >= _PAUSE_S:
            self._reported_at[error.code] = now
            count = self._unreported.pop(error.code)
            times = f" ({count} times since the last such line)" if count > 1 else ""
            _LOG.warning("refused with %d %s: %s%s", error.status, error.code, error.message, times)
