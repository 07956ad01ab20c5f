"""What is not scoring takes turns: one in each turn of the loop, one lane after the other, nobody who has left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from plimsoll.server.turns import Turns


async def taken(turns: Turns, lanes: Iterable[str], leaving: Iterable[int] = ()) -> list[tuple[int, int, str]]:
    """Number of the loop's turn, number of the asker and lane, in the order in which they were served."""
    loop, served = asyncio.get_running_loop(), list[tuple[int, int, str]]()
    count = 0

    def on_turn() -> None:
        nonlocal count
        count += 1
        loop.call_soon(on_turn)

    async def ask(number: int, lane: str) -> None:
        await turns.mine(lane)
        served.append((count, number, lane))

    tasks = [loop.create_task(ask(number, lane)) for number, lane in enumerate(lanes)]
    on_turn()
    await asyncio.sleep(0)
    for number in leaving:
        tasks[number].cancel()
    await asyncio.wait(tasks)
    return served


def test_one_in_each_turn_in_the_order_of_asking() -> None:
    served = asyncio.run(taken(Turns(), ["/metrics"] * 50))
    assert [number for _, number, _ in served] == list(range(50))
    assert len({turn for turn, _, _ in served}) == 50


def test_a_crowd_on_one_lane_holds_up_no_other() -> None:
    served = asyncio.run(taken(Turns(), ["/metrics"] * 300 + ["/health/live", "/"]))
    assert [lane for _, _, lane in served[:6]].count("/metrics") == 4
    assert {lane for _, _, lane in served[:6]} == {"/metrics", "/health/live", "/"}


def test_who_has_left_takes_no_turn() -> None:
    served = asyncio.run(taken(Turns(), ["/"] * 20, leaving=range(19)))
    assert [number for _, number, _ in served] == [19]
    assert served[0][0] < 10


def test_it_goes_on_after_a_pause() -> None:
    turns = Turns()
    for _ in range(3):
        assert len(asyncio.run(taken(turns, ["/", "/metrics"]))) == 2
