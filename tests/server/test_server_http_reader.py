"""Requests are the same however their bytes are cut, and memory comes back whatever becomes of them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.errors import BuffersFull, HeadTooLarge, MalformedRequest, RequestError
from plimsoll.server.http.chunks import Chunks
from plimsoll.server.http.reader import ReaderState, RequestReader
from plimsoll.server.http.request import Request
from plimsoll.workers.frames import INLINE_BYTES
from plimsoll.workers.shared.buffers import BufferPool, Lease

HEAD_BYTES = 4096
BODY_BYTES = 400_000
POOL_BYTES = 1 << 24
SIZES = st.sampled_from([0, 1, 17, INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, 200_000])


class Kept:
    """An owner that keeps what it hears of."""

    def __init__(self, pool: BufferPool, *, unwanted: bool = False) -> None:
        self.requests: list[Request] = []
        self.errors: list[RequestError] = []
        self.fed = 0
        self._unwanted = unwanted
        self.reader = RequestReader(self, memoryview(bytearray(256 * 1024)), pool, HEAD_BYTES, BODY_BYTES)

    def on_head(self, request: Request) -> None:
        request.unwanted = self._unwanted
        self.requests.append(request)

    def on_broken(self, error: RequestError) -> None:
        self.errors.append(error)

    def on_fed(self) -> None:
        self.fed += 1

    def receive(self, data: bytes) -> None:
        """As a transport does: as much at a time as the reader has room for."""
        while data:
            room = self.reader.get_buffer()
            count = min(len(room), len(data))
            room[:count] = data[:count]
            self.reader.took(count)
            data = data[count:]


def with_pool(body: Callable[[BufferPool], None]) -> None:
    async def run() -> None:
        pool = BufferPool(POOL_BYTES, asyncio.get_running_loop())
        body(pool)
        assert pool.used == 0, "memory is left over"

    asyncio.run(run())


def taken(request: Request) -> bytes:
    body = request.body
    text = bytes(body.view[: body.length]) if isinstance(body, Lease) else body
    request.discard()
    return text


def message(number: int, size: int, chunk: int | None) -> tuple[bytes, bytes]:
    """A request whose body tells its number; chunked, in pieces of `chunk` bytes, where that is given."""
    body = (b"%d " % number * (size // 2 + 1))[:size]
    head = b"POST /score?%d HTTP/1.1\r\nHost: x\r\n" % number
    if chunk is None:
        return head + b"Content-Length: %d\r\n\r\n%b" % (size, body), body
    pieces = [body[at : at + chunk] for at in range(0, size, chunk)]
    chunks = b"".join(b"%x;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nX-Trailer: 1\r\n\r\n", body


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(SIZES, st.none() | st.sampled_from([7, 5000, 70_000])), min_size=1, max_size=4),
    st.lists(st.integers(0, 10**6), max_size=12),
)
def test_however_the_bytes_are_cut(shapes: list[tuple[int, int | None]], cuts: list[int]) -> None:
    def body(pool: BufferPool) -> None:
        shapes_small = [(min(size, 2000) if chunk == 7 else size, chunk) for size, chunk in shapes]
        messages = [message(number, *shape) for number, shape in enumerate(shapes_small)]
        kept = Kept(pool)
        for piece in cut(b"".join(raw for raw, _ in messages), cuts):
            kept.receive(piece)
        assert kept.errors == []
        assert [request.target for request in kept.requests] == [b"/score?%d" % n for n in range(len(messages))]
        assert all(request.complete for request in kept.requests)
        assert [taken(request) for request in kept.requests] == [text for _, text in messages]
        assert kept.reader.state is ReaderState.HEAD

    with_pool(body)


@pytest.mark.parametrize("cuts", [[], [100], [30, 31, 32, 33, 34]])
def test_a_body_that_nobody_wants_takes_no_memory(cuts: list[int]) -> None:
    def body(pool: BufferPool) -> None:
        kept = Kept(pool, unwanted=True)
        raws = [message(number, 300_000, chunk)[0] for number, chunk in enumerate((None, 9000))]
        for piece in cut(b"".join(raws), cuts):
            kept.receive(piece)
            assert pool.used == 0
        assert [request.complete for request in kept.requests] == [True, True]
        assert [request.body for request in kept.requests] == [b"", b""]

    with_pool(body)


@pytest.mark.parametrize("chunk", [None, 9000])
def test_what_a_torn_body_has_taken_comes_back(chunk: int | None) -> None:
    def body(pool: BufferPool) -> None:
        kept = Kept(pool)
        kept.receive(message(1, 300_000, chunk)[0][:150_000])
        assert pool.used > 0
        kept.reader.close()

    with_pool(body)


@pytest.mark.parametrize("upgrade", [b"", b"Upgrade: h2c\r\n"])
@pytest.mark.parametrize("pieces", [[20_000], [200, 20_000], [1, 200, 16_000, 17_000, 250_000]])
def test_a_body_without_memory_waits_and_goes_on(pieces: list[int], upgrade: bytes) -> None:
    async def run() -> None:
        pool = BufferPool(POOL_BYTES, asyncio.get_running_loop())
        all_of_it = pool.lease(POOL_BYTES)
        assert all_of_it is not None
        kept = Kept(pool)
        raw, text = message(1, 300_000, None)
        raw = raw.replace(b"Host", upgrade + b"Host", 1)
        for piece in cut(raw[: pieces[-1]], pieces):
            kept.receive(piece)
        assert kept.reader.starved
        all_of_it.release()
        while not kept.fed:
            await asyncio.sleep(0)
        kept.receive(raw[pieces[-1] :])
        assert taken(kept.requests[0]) == text
        assert pool.used == 0

    asyncio.run(run())


@pytest.mark.parametrize("first", [60, 200, 30_000])
def test_a_body_that_is_there_needs_no_memory(first: int) -> None:
    """What had been read already when there was none is the rest of it."""

    def body(pool: BufferPool) -> None:
        all_of_it = pool.lease(POOL_BYTES)
        assert all_of_it is not None
        kept = Kept(pool)
        raw, text = message(1, 100_000, None)
        raw = raw.replace(b"Host", b"Upgrade: h2c\r\nHost", 1)
        kept.receive(raw[:first])
        kept.receive(raw[first:])
        assert taken(kept.requests[0]) == text
        all_of_it.release()

    with_pool(body)


def test_a_large_body_takes_memory_once_a_part_of_it_has_come() -> None:
    def body(pool: BufferPool) -> None:
        kept = Kept(pool)
        raw, text = message(1, 300_000, None)
        kept.receive(raw[:16_000])
        assert pool.used == 0
        kept.receive(raw[16_000:17_000])
        assert pool.used >= 300_000
        kept.receive(raw[17_000:])
        request = kept.requests[0]
        assert isinstance(request.body, Lease)
        assert taken(request) == text

    with_pool(body)


def test_a_chunked_body_without_memory_is_refused() -> None:
    def body(pool: BufferPool) -> None:
        all_of_it = pool.lease(POOL_BYTES)
        assert all_of_it is not None
        kept = Kept(pool)
        kept.receive(message(1, 300_000, 9000)[0])
        all_of_it.release()
        assert [type(error) for error in kept.errors] == [BuffersFull]
        assert kept.reader.state is ReaderState.ENDED

    with_pool(body)


def test_nothing_behind_an_error_is_looked_at() -> None:
    def body(pool: BufferPool) -> None:
        kept = Kept(pool)
        good = message(1, 3, None)[0]
        kept.receive(good + b"GET / HTTP/1.1\r\nHost : x\r\n\r\n" + good)
        assert [request.target for request in kept.requests] == [b"/score?1"]
        assert [type(error) for error in kept.errors] == [MalformedRequest]
        kept.receive(good)
        assert len(kept.requests) == 1
        assert kept.reader.has_surplus

    with_pool(body)


@given(st.lists(st.integers(0, 60), max_size=8))
def test_a_decoder_of_chunks_stops_where_the_body_ends(cuts: list[int]) -> None:
    raw = b'4;a="b c"\r\n\r\n0\r\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n'
    chunks, used = Chunks(None, HEAD_BYTES), 0
    for piece in cut(raw + b"GET / HTTP/1.1", cuts):
        if not chunks.over:
            used += chunks.feed(memoryview(piece))
    assert chunks.over
    assert used == len(raw)
    assert chunks.received_bytes == 5


@pytest.mark.parametrize("line", [b"a" * 10_000, b"X: " + b"y" * 10_000, b"\r\n".join([b"X: y"] * 3000)])
def test_trailers_have_a_limit(line: bytes) -> None:
    chunks = Chunks(None, HEAD_BYTES)
    with pytest.raises((HeadTooLarge, MalformedRequest)) as refused:
        chunks.feed(memoryview(b"0\r\n" + line))
    assert isinstance(refused.value, HeadTooLarge)
