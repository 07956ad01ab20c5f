"""Requests as bytes, read back by another parser than ours, and the order in which rows are sent."""

from __future__ import annotations

import io
import string
from collections import Counter
from email.message import Message
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plimsoll.profiling.dataset.rows import Row
from plimsoll.profiling.load.requests import Requests, RowOrder, expected_outcomes, prepare, serialise

NAME = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=8).map(lambda name: "X-" + name)
# Blanks at the ends of a value are not part of it (RFC 9110, section 5.5).
VALUE = st.text([*map(chr, range(0x21, 0x7F)), *map(chr, range(0xA1, 0x100))], max_size=12)
ROW = st.builds(
    Row,
    number=st.just(1),
    body=st.binary(max_size=60),
    content_type=st.sampled_from(["application/json", "text/plain; charset=utf-8", "image/png"]),
    headers=st.dictionaries(NAME, VALUE, max_size=3).map(lambda found: tuple(found.items())),
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    path=st.none() | st.text([*map(chr, range(0x21, 0x7F))], max_size=12).map(lambda text: "/x" + text),
)


class Reader(BaseHTTPRequestHandler):
    """The parser of Python's own server, which has nothing to do with httptools."""

    protocol_version = "HTTP/1.1"

    def __init__(self, data: bytes) -> None:
        self.rfile = io.BytesIO(data)
        self.raw_requestline = self.rfile.readline()
        self.close_connection = True
        assert self.parse_request(), data

    @property
    def fields(self) -> Message:
        return self.headers


@settings(deadline=None)
@given(ROW)
@example(Row(1, b"", "text/plain", method="GET"))
@example(Row(1, b"\r\n\r\n", "text/plain"))
def test_another_parser_reads_the_same_request(row: Row) -> None:
    read = Reader(serialise(row, "127.0.0.1", 5001, "/score"))
    assert (read.command, read.path, read.request_version) == (row.method, row.path or "/score", "HTTP/1.1")
    assert read.fields["host"] == "127.0.0.1:5001", "RFC 9112, section 3.2: exactly one in every request"
    assert len(read.fields.get_all("host", [])) == 1
    assert not read.close_connection, "the connection is kept"
    assert read.rfile.read() == row.body
    has_body = bool(row.body) or row.method in ("POST", "PUT", "PATCH")
    assert read.fields.get_all("content-length") == ([str(len(row.body))] if has_body else None)
    assert read.fields["content-type"] == (row.content_type if has_body else None)
    for name, value in row.headers:
        assert value in read.fields.get_all(name, [])


@pytest.mark.parametrize("name", ["User-Agent", "user-agent", "ACCEPT"])
def test_what_a_row_says_takes_the_place_of_what_the_driver_would(name: str) -> None:
    row = Row(1, b"x", "text/plain", headers=((name, "mine"),))
    assert Reader(serialise(row, "h", 1, "/")).fields.get_all(name) == ["mine"]
    assert Reader(serialise(Row(1, b"x", "text/plain"), "h", 1, "/")).fields.get_all(name) not in (["mine"], None)


def test_only_rows_that_say_so_expect_a_status() -> None:
    rows = [Row(1, b"", "t"), Row(2, b"", "t", expected_status=404), Row(3, b"", "t", expected_status=200)]
    assert expected_outcomes(rows) == {1: "404", 2: "200"}
    known = Requests((), {}, {0: 77}, {0: 1_000_000})
    prepared = prepare(rows, "h", 1, "/p", 3, known)
    assert (len(prepared.wire), prepared.expected) == (3, {1: "404", 2: "200"})
    assert prepared.answers is known.answers, "what is learnt of answers is for the next server too"
    assert prepared.least_ns is known.least_ns
    assert prepared.slots == 3


@settings(deadline=None)
@given(rows=st.sets(st.integers(0, 500), min_size=1, max_size=30), seed=st.integers(0, 99), passes=st.integers(1, 5))
def test_every_pass_holds_every_row_once(rows: set[int], seed: int, passes: int) -> None:
    order = RowOrder(sorted(rows), seed)
    for count in range(passes * len(rows)):
        assert order.at_pass_end == (count % len(rows) == 0)
        if order.at_pass_end:
            met: set[int] = set()
        met.add(order.take())
        assert len(met) == count % len(rows) + 1, "no row twice"
    assert met == rows
    assert order.taken == passes * len(rows)


def test_the_seed_decides_the_order_and_nothing_else_does() -> None:
    rows = list(range(20))
    one, same, other = (RowOrder(rows, seed) for seed in (1, 1, 2))
    taken = [[order.take() for _ in range(60)] for order in (one, same, other)]
    assert taken[0] == taken[1] != taken[2]
    assert taken[0][:20] != taken[0][20:40], "each pass in an order of its own"
    assert rows == list(range(20)), "what was given stays as it was"


def test_orders_are_drawn_evenly() -> None:
    """Every row comes first about as often: 4,000 passes over five rows, 800 each, standard deviation 25."""
    order = RowOrder(range(5), 7)
    firsts = Counter[int]()
    for _ in range(4000):
        firsts[order.take()] += 1
        for _ in range(4):
            order.take()
    assert all(680 < count < 920 for count in firsts.values()), f"seed 7: {firsts}"
