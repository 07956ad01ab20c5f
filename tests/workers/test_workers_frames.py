"""Frames survive the socket whole, at every size, and can be taken back unread."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.workers import frames
from plimsoll.workers.frames import Flag, Frame, Kind
from support.descriptors import named_descriptors

SIZES = [0, 1, 1000, frames.INLINE_BYTES - 1, frames.INLINE_BYTES, frames.INLINE_BYTES + 1, 5_000_000]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    yield ends
    for end in ends:
        end.close()


@pytest.mark.parametrize("head_bytes", [0, 10, 70_000])
@pytest.mark.parametrize("body_bytes", SIZES)
def test_round_trip(pair: tuple[socket.socket, socket.socket], head_bytes: int, body_bytes: int) -> None:
    sent = Frame(Kind.ANSWER, 7, os.urandom(head_bytes), os.urandom(body_bytes), Flag.RUN_RETURNED, 200, 12345)
    frames.send(pair[0], sent)
    received = frames.receive(pair[1], bytearray(frames.MESSAGE_BYTES))
    assert received is not None
    received.flags &= ~Flag.BODY_IN_FILE
    assert received == sent


def test_large_bodies_leave_no_descriptor_behind(pair: tuple[socket.socket, socket.socket]) -> None:
    buffer, before = bytearray(frames.MESSAGE_BYTES), named_descriptors()
    for _ in range(20):
        frames.send(pair[0], Frame(Kind.CALL, 1, body=bytes(frames.INLINE_BYTES * 2)))
        frames.receive(pair[1], buffer)
    assert not named_descriptors() - before


def test_the_end_of_the_other_side_is_none(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].close()
    assert frames.receive(pair[1], bytearray(frames.MESSAGE_BYTES)) is None


def test_frames_come_one_at_a_time_in_order(pair: tuple[socket.socket, socket.socket]) -> None:
    buffer = bytearray(frames.MESSAGE_BYTES)
    for number in range(5):
        frames.send(pair[0], Frame(Kind.CALL, number, body=b"x" * number))
    received = [frames.receive(pair[1], buffer) for _ in range(5)]
    assert [frame and (frame.call_id, frame.body) for frame in received] == [(n, b"x" * n) for n in range(5)]


TOKEN = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=50)


@given(TOKEN, st.lists(st.tuples(TOKEN, VALUE)))
def test_heads_round_trip(target: str, headers: list[tuple[str, str]]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    head = frames.decode_head(frames.encode_head("PUT", f"/{target}?x=%20".encode(), "https", "[::1]:99", raw))
    assert (head.method, head.target, head.scheme, head.client) == ("PUT", f"/{target}?x=%20", "https", "[::1]:99")
    assert head.headers == headers
    assert frames.decode_headers(frames.encode_headers(headers)) == raw
