"""The sweep: it rings while there is something to time, says how late it is, and survives what fails in it."""

from __future__ import annotations

import asyncio
import time

from plimsoll.workers.dispatch.sweep import Sweep

PERIOD_S = 0.02


def test_it_rings_until_there_is_nothing_left_and_again_when_woken() -> None:
    async def body() -> list[float]:
        rings = list[float]()
        sweep = Sweep(PERIOD_S, lambda now_s: rings.append(now_s) or len(rings) % 3 != 0)
        sweep.wake()
        sweep.wake()
        await asyncio.sleep(0.3)
        assert len(rings) == 3
        sweep.wake()
        await asyncio.sleep(0.3)
        return rings

    assert len(asyncio.run(body())) == 6


def test_a_loop_that_stood_still_shows_in_the_lag() -> None:
    async def body() -> list[float]:
        lags = list[float]()
        sweep = Sweep(PERIOD_S, lambda now_s: len(lags) < 3)
        sweep.on_lag = lags.append
        sweep.wake()
        time.sleep(0.5)  # noqa: ASYNC251  the loop itself stands still
        await asyncio.sleep(0.3)
        return lags

    lags_s = asyncio.run(body())
    assert len(lags_s) == 3
    assert 0.5 - 2 * PERIOD_S < lags_s[0] < 1.0
    assert min(lags_s) >= 0


def test_a_failure_does_not_end_it() -> None:
    async def body() -> int:
        rings = list[float]()

        def fail(now_s: float) -> bool:
            rings.append(now_s)
            raise ValueError("a bug")

        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        Sweep(PERIOD_S, fail).wake()
        await asyncio.sleep(0.3)
        return len(rings)

    assert asyncio.run(body()) > 2
