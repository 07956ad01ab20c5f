"""What is taken is nobody else's, what is given can be taken again whole, and only unused pages grow stale."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.workers.shared.ranges import GRANULE_BYTES, Ranges, rounded

SIZES = st.integers(1, 5 * GRANULE_BYTES)


def test_the_lowest_place_is_taken_and_neighbours_join() -> None:
    ranges = Ranges(4 * GRANULE_BYTES)
    places = [ranges.take(GRANULE_BYTES) for _ in range(4)]
    assert places == [0, GRANULE_BYTES, 2 * GRANULE_BYTES, 3 * GRANULE_BYTES]
    assert ranges.take(1) is None
    for place in (0, 2 * GRANULE_BYTES, GRANULE_BYTES):
        ranges.give(place, GRANULE_BYTES)
    assert ranges.take(3 * GRANULE_BYTES) == 0


@given(st.lists(st.tuples(st.sampled_from(["take", "give", "extend", "stale"]), SIZES, st.integers(0, 100))))
def test_any_order_of_events_against_a_model(events: list[tuple[str, int, int]]) -> None:
    ranges = Ranges(16 * GRANULE_BYTES)
    taken: dict[int, int] = {}
    for event, size, which in events:
        chosen = sorted(taken)[which % len(taken)] if taken else None
        if event == "take":
            offset = ranges.take(size)
            if offset is not None:
                taken[offset] = rounded(size)
        elif event == "stale":
            _assert_apart([*taken.items(), *ranges.stale()], ranges.size)
        elif chosen is not None and event == "give":
            ranges.give(chosen, taken.pop(chosen))
        elif chosen is not None and ranges.extend(chosen + taken[chosen], size):
            taken[chosen] += rounded(size)
        _assert_apart(list(taken.items()), ranges.size)
        assert ranges.free == ranges.size - sum(taken.values())
    for offset, size in taken.items():
        ranges.give(offset, size)
    assert ranges.take(ranges.size) == 0


def _assert_apart(parts: list[tuple[int, int]], size: int) -> None:
    ends = [0]
    for offset, length in sorted(parts):
        assert offset >= ends[-1]
        ends.append(offset + length)
    assert ends[-1] <= size


def test_what_is_used_again_is_not_stale_and_each_page_is_told_once() -> None:
    ranges = Ranges(4 * GRANULE_BYTES)
    first, second = ranges.take(GRANULE_BYTES), ranges.take(GRANULE_BYTES)
    assert (first, second) == (0, GRANULE_BYTES)
    ranges.give(0, GRANULE_BYTES)
    ranges.give(GRANULE_BYTES, GRANULE_BYTES)
    assert list(ranges.stale()) == [], "used just now"
    ranges.take(1)
    ranges.give(0, GRANULE_BYTES)
    assert list(ranges.stale()) == [(GRANULE_BYTES, GRANULE_BYTES)]
    assert ranges.touched
    assert list(ranges.stale()) == [(0, GRANULE_BYTES)]
    assert not ranges.touched
    assert list(ranges.stale()) == []
