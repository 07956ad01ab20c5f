"""Which rows are taken of too many: spread over the sizes, by the sequence of van der Corput, the same every time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.profiling.dataset.rows import Row
from plimsoll.profiling.dataset.sampling import Sampler, visiting_order
from plimsoll.profiling.load.requests import read_spool, spooled
from plimsoll.profiling.statistics import spread_out

SIZES = st.lists(st.integers(0, 1000), min_size=1, max_size=120)


def test_the_order_is_van_der_corputs() -> None:
    """J. G. van der Corput (1935), base 2: 0, 1/2, 1/4, 3/4, 1/8, 5/8, 3/8, 7/8, each times the number of places."""
    assert list(spread_out(8)) == [0, 4, 2, 6, 1, 5, 3, 7]
    assert list(spread_out(5)) == [0, 4, 2, 1, 3], "places that are not there are passed over"
    assert list(spread_out(1)) == [0]
    assert list(spread_out(0)) == []


@pytest.mark.parametrize("count", [16, 100, 1000, 1023, 1025])
@pytest.mark.parametrize("taken", [4, 8, 16])
def test_no_part_of_the_range_is_left_out_by_any_beginning(count: int, taken: int) -> None:
    """The star discrepancy of the first n is at most (log2 n + 1) / n."""
    places = sorted(place / count for place, _ in zip(spread_out(count), range(taken), strict=False))
    discrepancy = max(
        max(abs(rank / taken - place), abs((rank + 1) / taken - place)) for rank, place in enumerate(places)
    )
    assert discrepancy <= 2 * (taken.bit_length() / taken), "twice, as the range need not be a power of two"


@settings(deadline=None)
@given(SIZES)
def test_every_row_is_visited_once_and_the_biggest_first(sizes: list[int]) -> None:
    order = list(visiting_order(sizes))
    assert sorted(order) == list(range(len(sizes)))
    assert sizes[order[0]] == max(sizes)
    assert order == list(visiting_order(sizes)), "the same every time"


@settings(deadline=None)
@given(SIZES, st.integers(1, 40), st.integers(1, 5000))
def test_a_smaller_sample_is_a_part_of_a_bigger_one(sizes: list[int], rows: int, size_bytes: int) -> None:
    """So that a run with a greater limit measures the same rows, and more."""
    small = Sampler(rows, size_bytes).choose(sizes)
    for more in (Sampler(rows + 5, size_bytes), Sampler(rows, size_bytes * 2)):
        assert set(small) <= set(more.choose(sizes))


def test_what_is_left_out_is_counted_over_all_files() -> None:
    sampler = Sampler(2, 1000)
    assert sampler.choose([1, 2, 3]) == [0, 2]
    assert sampler.choose([1, 2]) == [0, 1]
    assert sampler.choose([5] * 10) == [0, 9]
    assert sampler.left_out == 9
    assert Sampler(5, 3).choose([10, 1]) == [0], "the biggest is taken even where it alone is too big"


class Source:
    """Rows of these sizes, and how often they were read."""

    def __init__(self, sizes: list[int]) -> None:
        self.sizes, self.reads = sizes, 0

    def __call__(self) -> Iterator[Row]:
        self.reads += 1
        return (Row(place, b"x" * size) for place, size in enumerate(self.sizes, 1))


@settings(deadline=None)
@given(SIZES, st.integers(1, 150), st.integers(1, 60_000))
def test_a_stream_is_read_once_if_it_fits_and_twice_if_not(sizes: list[int], rows: int, size_bytes: int) -> None:
    source, sampler = Source(sizes), Sampler(rows, size_bytes)
    found = [row.number - 1 for row in sampler.sample(source)]
    assert found == Sampler(rows, size_bytes).choose(sizes)
    fits = len(sizes) <= rows and sum(sizes) <= size_bytes
    assert source.reads == (1 if fits else 2)
    assert sampler.left_out == len(sizes) - len(found)


TEXT = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=6)
ROWS = st.lists(
    st.builds(
        Row,
        number=st.integers(1, 10**9),
        body=st.binary(max_size=80),
        content_type=TEXT,
        name=st.none() | st.text(max_size=5),
        headers=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
        method=st.sampled_from(["GET", "POST", "PATCH"]),
        path=st.none() | st.just("/score?a=b"),
        expected_status=st.none() | st.integers(200, 599),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(ROWS)
def test_the_driver_gets_all_that_a_request_is_made_of(rows: list[Row]) -> None:
    """Not the names of files: they are for people, and may hold what no request does."""
    with spooled(rows) as path:
        text = path.read_bytes()
        assert text.isascii()
        assert text.count(b"\n") == len(rows)
        assert read_spool(path) == [dataclasses.replace(row, name=None) for row in rows]


def test_a_spool_is_gone_with_its_block_whatever_ends_it() -> None:
    with pytest.raises(ZeroDivisionError), spooled([Row(1, b"secret", "a/b")]) as path:
        assert path.stat().st_mode & 0o777 == 0o600, "bodies may be personal data"
        _ = 1 / 0
    assert not path.exists()


def test_two_spools_at_once_are_two_files() -> None:
    with spooled([Row(1, b"a", "t")]) as one, spooled([Row(1, b"b", "t")]) as other:
        assert [read_spool(path)[0].body for path in (one, other)] == [b"a", b"b"]
        assert one != other
