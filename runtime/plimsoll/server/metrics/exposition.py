"""The metrics as text, for as many as ask.

Rendering takes a millisecond, more with many workers, and so its share of the event loop is bounded: all who have asked
before a rendering begins get its text, only one is made at a time, and then there is a rest of nine times as long as it
took. Whoever asks alone does not wait. No text is older than the request for it: what was counted before, it counts.

A thread gains nothing (docs/front.md): it takes Python's lock for longer at a time than a slice of this.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from enum import Enum

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from plimsoll.server.turns import Turns

_LANE = "rendering"
_REST = 9
"""How many times as long as it has rendered it rests."""
_SLICE_S = 0.0003
"""How long a call may find the loop rendering."""


class Format(Enum):
    """Two, not as many as an Accept header can ask for: our names and labels look the same in all versions of both."""

    TEXT = ""
    OPENMETRICS = "application/openmetrics-text"

    @classmethod
    def accepted(cls, accept: str) -> Format:
        """What prometheus_client chooses for this Accept header."""
        chosen = choose_encoder(accept)[1]
        return cls.OPENMETRICS if chosen.startswith(cls.OPENMETRICS.value) else cls.TEXT

    @property
    def content_type(self) -> str:
        return choose_encoder(self.value)[1]

    @property
    def encode(self) -> Callable[[Collector], bytes]:
        return choose_encoder(self.value)[0]


class Exposition:
    """Renders the text of /metrics. To be used on the event loop only: it has no locks against threads."""

    def __init__(self, registry: CollectorRegistry, turns: Turns) -> None:
        self._registry = registry
        self._turns = turns
        self._one_at_a_time = asyncio.Lock()
        self._rests_until_s = 0.0
        self._wanted: set[Format] = set()
        self._next: asyncio.Task[dict[Format, bytes]] | None = None

    async def text(self, wanted: Format) -> bytes:
        self._wanted.add(wanted)
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._render())
        return (await asyncio.shield(self._next))[wanted]  # others wait for it too

    async def _render(self) -> dict[Format, bytes]:
        async with self._one_at_a_time:
            await asyncio.sleep(max(0.0, self._rests_until_s - time.monotonic()))
            await self._turns.mine(_LANE)
            wanted, self._wanted, self._next = self._wanted, set(), None  # who asks from now on may count more
            begun_s = time.monotonic()
            families = list(self._registry.collect())
            spent_s = time.monotonic() - begun_s
            texts = {}
            for one in wanted:
                texts[one], encoding_s = await self._encoded(one, families)
                spent_s += encoding_s
            self._rests_until_s = time.monotonic() + _REST * spent_s
            return texts

    async def _encoded(self, wanted: Format, families: Iterable[Metric]) -> tuple[bytes, float]:
        """The text, and the seconds that it took on the loop; calls are dealt with in between."""
        encode, parts, spent_s = wanted.encode, list[bytes](), 0.0
        end = encode(_Families([]))
        begun_s = time.monotonic()
        for family in families:
            parts.append(encode(_Families([family])).removesuffix(end))
            if (slice_s := time.monotonic() - begun_s) > _SLICE_S:
                spent_s += slice_s
                await self._turns.mine(_LANE)
                begun_s = time.monotonic()
        return b"".join([*parts, end]), spent_s + time.monotonic() - begun_s


class _Families(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
