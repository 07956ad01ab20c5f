"""The sweep: it rings while there is something to time, says how late it is, and survives what fails in it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sized

from plimsoll.workers.dispatch.sweep import Sweep

PERIOD_S = 0.02


async def counted(rings: Sized, count: int) -> None:
    """Waits until there are so many, and then for as long as more of them would take."""
    async with asyncio.timeout(20):
        while len(rings) < count:
            await asyncio.sleep(PERIOD_S)
    for _ in range(5):
        await asyncio.sleep(PERIOD_S)


def test_it_rings_until_there_is_nothing_left_and_again_when_woken() -> None:
    async def body() -> list[float]:
        rings = list[float]()
        sweep = Sweep(PERIOD_S, lambda now_s: rings.append(now_s) or len(rings) % 3 != 0)
        sweep.wake()
        sweep.wake()
        await counted(rings, 3)
        assert len(rings) == 3
        sweep.wake()
        await counted(rings, 6)
        return rings

    assert len(asyncio.run(body())) == 6


def test_a_loop_that_stood_still_shows_in_the_lag() -> None:
    async def body() -> tuple[list[float], float]:
        lags = list[float]()
        sweep = Sweep(PERIOD_S, lambda now_s: len(lags) < 3)
        sweep.on_lag = lags.append
        begun_s = time.monotonic()
        sweep.wake()
        time.sleep(0.5)  # noqa: ASYNC251  the loop itself stands still
        while not lags:
            await asyncio.sleep(0)
        longest_s = time.monotonic() - begun_s
        await counted(lags, 3)
        return lags, longest_s

    lags_s, longest_s = asyncio.run(body())
    assert len(lags_s) == 3
    assert 0.5 - 2 * PERIOD_S < lags_s[0] < longest_s
    assert min(lags_s) >= 0


def test_a_failure_does_not_end_it() -> None:
    async def body() -> int:
        rings = list[float]()

        def fail(now_s: float) -> bool:
            rings.append(now_s)
            raise ValueError("a bug")

        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        Sweep(PERIOD_S, fail).wake()
        await counted(rings, 3)
        return len(rings)

    assert asyncio.run(body()) > 2
