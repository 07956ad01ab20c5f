"""The timers of the driver: one that the event loop has not, rung on time, and one that notices that it stood still."""

from __future__ import annotations

import asyncio
import time

from plimsoll.profiling.load.timers import Alarm, Pulse, paused_ns
from support.descriptors import named_descriptors
from support.patience import best_of_three


async def _pauses(standing_s: float) -> list[tuple[int, int]]:
    with Pulse() as pulse:
        await asyncio.sleep(0.1)
        time.sleep(standing_s)  # noqa: ASYNC251  the loop itself stands still
        await asyncio.sleep(0.1)
    return pulse.pauses


def test_a_loop_that_stands_still_is_noticed() -> None:
    def stand_still() -> None:
        pauses = [(begin, end) for begin, end in asyncio.run(_pauses(0.3)) if end - begin > 200_000_000]
        assert len(pauses) == 1
        assert 0.27e9 < pauses[0][1] - pauses[0][0] < 1e9

    best_of_three(stand_still)


def test_it_stops_with_its_block() -> None:
    async def body() -> int:
        with Pulse() as pulse:
            await asyncio.sleep(0.01)
        time.sleep(0.1)  # noqa: ASYNC251
        await asyncio.sleep(0.1)
        return sum(end - begin > 80_000_000 for begin, end in pulse.pauses)

    def stand_still_afterwards() -> None:
        assert asyncio.run(body()) == 0

    best_of_three(stand_still_afterwards)


def test_only_what_lies_inside_counts() -> None:
    pauses = [(0, 10), (20, 30), (40, 60)]
    assert paused_ns(pauses, 5, 50) == 5 + 10 + 10
    assert paused_ns(pauses, 10, 20) == 0
    assert paused_ns([], 0, 100) == 0


def rung(offsets_s: list[float]) -> tuple[list[float], set[tuple[str, str]]]:
    """How late each was, and the descriptors that were left open."""
    late_s: list[float] = []

    async def wait() -> None:
        over = asyncio.Event()
        due_ns = [time.perf_counter_ns() + round(offset * 1e9) for offset in offsets_s]

        def ring() -> None:
            late_s.append((time.perf_counter_ns() - due_ns[len(late_s)]) / 1e9)
            if len(late_s) < len(due_ns):
                alarm.set(due_ns[len(late_s)])
            else:
                over.set()

        alarm = Alarm(ring)
        alarm.set(due_ns[0])
        async with asyncio.timeout(20):
            await over.wait()
        alarm.close()

    before = named_descriptors()
    asyncio.run(wait())
    return late_s, named_descriptors() - before


def test_it_never_rings_early_and_mostly_on_time() -> None:
    """Within a fraction of the millisecond that epoll(2) counts in; one late ring may be another program's."""

    def ring() -> None:
        late_s, left_open = rung([0.0007 * place for place in range(1, 200)])
        assert len(late_s) == 199
        assert min(late_s) >= 0
        assert sorted(late_s)[20] < 0.0005, "a timer of whole milliseconds would be half of one late on average"
        assert not left_open, "the timer's descriptor is given back"

    best_of_three(ring)


def test_an_instant_that_is_over_rings_at_once() -> None:
    late_s, _ = rung([-1.0, -5.0, 0.0])
    assert [late >= least for late, least in zip(late_s, (1.0, 5.0, 0.0), strict=True)] == [True] * 3


def test_the_last_setting_counts() -> None:
    """Set twice before it rings, it rings once, at the later setting's instant."""

    async def wait() -> int:
        rings: list[int] = []
        alarm = Alarm(lambda: rings.append(time.perf_counter_ns()))
        begun_ns = time.perf_counter_ns()
        alarm.set(begun_ns + 600_000_000_000)
        alarm.set(begun_ns + 20_000_000)
        await asyncio.sleep(0.2)
        alarm.close()
        assert all(ring_ns >= begun_ns + 20_000_000 for ring_ns in rings)
        return len(rings)

    assert asyncio.run(wait()) == 1
