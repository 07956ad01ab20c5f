"""The order in which rows are visited."""

from __future__ import annotations

from plimsoll.profiling.dataset.sampling import visiting_order


def test_the_census_begins_with_the_biggest_and_spreads() -> None:
    sizes = [10, 500, 20, 300, 40]
    order = list(visiting_order(sizes))
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert order[:2] == [1, 0]
    assert list(visiting_order([7])) == [0]
