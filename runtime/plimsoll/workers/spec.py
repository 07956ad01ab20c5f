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
class WarmUpCall:
    """A request that every worker runs before it is ready; `row` is its place in the user's file.

    `expected_status` of None is any status below 400.
    """

    row: int
    head: bytes
    body: bytes
    expected_status: int | None = None

    def is_fulfilled_by(self, status: int) -> bool:
        return status < 400 if self.expected_status is None else status == self.expected_status


@dataclass(frozen=True, slots=True)
class RecordsSpec:
    """How a worker makes records of what run() collects; `names` are the collections wanted, None for all."""

    source: str
    sampling_rate: float
    names: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """`workers` processes of `threads` slots each, started with `environment`.

    `grace_s`: how long calls beside a stuck one, or under way at a stop, may take to finish. `max_batch_size`: most
    calls in one batch, None where the script alone decides. `own_environments`: what is added for each worker alone,
    by its index. `descriptor_limit`: open files that a worker may have; None for as many as the front.
    `max_buffer_bytes`: memory for large bodies of requests that are not yet answered, and as much again, shared by
    the workers, for large answers that are not yet sent. `contracts`: those that clients may speak. `records` of None:
    what run() collects is thrown away.
    """

    entry: EntrySpec
    environment: Mapping[str, str]
    workers: int
    threads: int
    limits: Limits
    grace_s: float
    max_batch_size: int | None = None
    warmup: tuple[WarmUpCall, ...] = ()
    own_environments: tuple[Mapping[str, str], ...] = ()
    descriptor_limit: int | None = None
    max_buffer_bytes: int = 256 * 2**20
    contracts: tuple[str, ...] = ()
    records: RecordsSpec | None = None

    def environment_of(self, index: int) -> dict[str, str]:
        own = self.own_environments[index] if self.own_environments else {}
        return {**self.environment, **own}
