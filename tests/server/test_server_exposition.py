"""One rendering for all who asked before it began, never a value older than the request for it, and a bounded share."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from functools import partial

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from plimsoll.server.logs.lines import LogStreams
from plimsoll.server.metrics.counted import Counted
from plimsoll.server.metrics.counters import Metrics
from plimsoll.server.metrics.exposition import Exposition, Format
from plimsoll.server.turns import Turns


class Numbers(Collector):
    """A counter, and how often it was asked for; `cost_s` is what asking takes."""

    def __init__(self, cost_s: float = 0.0) -> None:
        self.value = 0
        self.asked = 0
        self._cost_s = cost_s

    def collect(self) -> Iterable[Metric]:
        self.asked += 1
        time.sleep(self._cost_s)
        yield CounterMetricFamily("events", "Of this test.", value=self.value)


def exposition_of(*collectors: Collector) -> Exposition:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return Exposition(registry, Turns())


class More(Collector):
    """More to render, so that a rendering has many slices."""

    def __init__(self, number: int) -> None:
        self._name = f"more_{number}"

    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily(self._name, "More of it.", value=1)


def value(text: bytes) -> float:
    families = text_string_to_metric_families(text.decode().removesuffix("# EOF\n"))
    return next(s.value for family in families for s in family.samples if s.name == "events_total")


def test_who_asks_together_gets_one_rendering() -> None:
    async def run() -> None:
        numbers = Numbers()
        exposition = exposition_of(numbers)
        asked = numbers.asked
        texts = await asyncio.gather(*[exposition.text(Format.TEXT) for _ in range(300)])
        assert len(set(texts)) == 1
        assert numbers.asked == asked + 1

    asyncio.run(run())


def test_no_text_is_older_than_the_request_for_it() -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)

    async def run() -> None:
        numbers = Numbers()
        exposition = exposition_of(numbers, *(More(number) for number in range(200)))

        async def scrape() -> None:
            await asyncio.sleep(chance.random() / 10)
            numbers.value += 1
            before, wanted = numbers.value, chance.choice(list(Format))
            assert value(await exposition.text(wanted)) >= before

        await asyncio.gather(*[scrape() for _ in range(200)])

    asyncio.run(run())


def test_a_flood_takes_a_bounded_share_of_the_loop() -> None:
    """Ten milliseconds each: without a rest there would be a hundred a second, with nine times as long ten.

    Counted are the renderings, not the seconds: a machine that stands still makes them later, never sooner.
    """

    async def run() -> None:
        numbers = Numbers(0.01)
        exposition = exposition_of(numbers)
        asked, began_s = numbers.asked, time.monotonic()

        async def client() -> None:
            while numbers.asked < asked + 15:
                await exposition.text(Format.TEXT)

        await asyncio.gather(*[client() for _ in range(30)])
        assert time.monotonic() - began_s > 14 * 0.09

    asyncio.run(run())


def test_who_leaves_takes_the_text_from_nobody() -> None:
    async def run() -> None:
        exposition = exposition_of(Numbers())
        asking = [asyncio.ensure_future(exposition.text(Format.TEXT)) for _ in range(10)]
        await asyncio.sleep(0)
        for one in asking[:9]:
            one.cancel()
        assert value(await asking[9]) == 0
        assert value(await exposition.text(Format.TEXT)) == 0

    asyncio.run(run())


def test_a_collector_that_fails_fails_those_who_asked_and_no_more() -> None:
    async def run() -> None:
        numbers = Numbers()
        exposition = exposition_of(numbers)
        numbers.value = "x"  # type: ignore[assignment]
        for end in await asyncio.gather(*[exposition.text(Format.TEXT) for _ in range(3)], return_exceptions=True):
            assert isinstance(end, ValueError)
        numbers.value = 7
        assert value(await exposition.text(Format.TEXT)) == 7

    asyncio.run(run())


@pytest.mark.parametrize(
    ("wanted", "generate"),
    [(Format.TEXT, generate_latest), (Format.OPENMETRICS, partial(generate_openmetrics, version="1.0.0"))],
)
def test_the_text_is_the_librarys_own(wanted: Format, generate: Callable[[Collector], bytes]) -> None:
    """Rendered family by family, and yet byte for byte what prometheus_client makes of the whole."""

    async def run() -> None:
        metrics = Metrics()
        metrics.on_restart("crash")
        metrics.requests.add("ok", 200, "/score")
        registry = CollectorRegistry()
        registry.register(Counted(metrics, LogStreams()))
        assert await Exposition(registry, Turns()).text(wanted) == generate(registry)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/plain;version=1.0.0;escaping=allow-utf-8", Format.TEXT),
        ("application/openmetrics-text", Format.OPENMETRICS),
        # Prometheus 3.0, config.DefaultScrapeProtocols
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            Format.OPENMETRICS,
        ),
    ],
)
def test_as_many_accept_headers_as_there_may_be_ask_for_two_formats(accept: str, wanted: Format) -> None:
    assert Format.accepted(accept) is wanted
