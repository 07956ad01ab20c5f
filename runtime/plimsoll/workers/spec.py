"""What the front needs to know to run workers, and the one signal that both sides know."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass

from plimsoll.entry.spec import EntrySpec

DUMP_SIGNAL = signal.SIGQUIT
"""Makes a worker write the Python stack of every thread to its stderr, even while C code holds the GIL."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`scoring_timeout_s` bounds the time in run(), `queue_timeout_s` the wait for a slot before it."""

    scoring_timeout_s: float
    queue_timeout_s: float
    max_queue: int


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """`workers` processes of `threads` slots each, started with `environment`.

    `grace_s`: how long calls beside a stuck one, or under way at a stop, may take to finish.
    """

    entry: EntrySpec
    environment: Mapping[str, str]
    workers: int
    threads: int
    limits: Limits
    grace_s: float
