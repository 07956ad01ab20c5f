"""Leases of shared memory: bounded, in turn, given back to the kernel, and safe from whoever else maps them."""

from __future__ import annotations

import asyncio
import gc
import mmap
import os
from collections.abc import Iterator

import pytest

from plimsoll.errors import InternalError
from plimsoll.host import procfs
from plimsoll.workers.shared.buffers import BufferPool, Lease, SharedAnswer
from plimsoll.workers.shared.leases import LEASE_TABLE, LeaseEvent, LeaseState
from plimsoll.workers.shared.memory import NAME, SharedMemory
from plimsoll.workers.shared.ranges import GRANULE_BYTES

SIZE = 8 * GRANULE_BYTES


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """One that runs only when a test lets it."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture
def pool(loop: asyncio.AbstractEventLoop) -> BufferPool:
    return BufferPool(SIZE, loop)


def turn(loop: asyncio.AbstractEventLoop) -> None:
    loop.run_until_complete(asyncio.sleep(0))


def leased(pool: BufferPool, size: int) -> Lease:
    lease = pool.lease(size)
    assert lease is not None
    return lease


def test_every_state_has_its_row_and_only_free_has_no_way_on() -> None:
    assert set(LEASE_TABLE) == set(LeaseState)
    for state, row in LEASE_TABLE.items():
        ways_on = {after for after in row.values() if after is not state}
        assert bool(ways_on) is (state is not LeaseState.FREE)


def test_while_a_worker_may_touch_it_only_news_of_that_worker_frees_it() -> None:
    news = {LeaseEvent.ANSWER, LeaseEvent.KEEP, LeaseEvent.SEND, LeaseEvent.DIE, LeaseEvent.TAKE_BACK}
    at_workers = {LeaseState.HANDED, LeaseState.UNWANTED, LeaseState.KEPT}
    for state in at_workers:
        for event, after in LEASE_TABLE[state].items():
            assert after in at_workers or event in news


def test_an_event_that_cannot_happen_is_a_defect(pool: BufferPool) -> None:
    with pytest.raises(InternalError, match="event die cannot happen in state filling"):
        leased(pool, 1).note(LeaseEvent.DIE)


def test_the_sum_is_bounded_and_release_may_be_said_twice(pool: BufferPool) -> None:
    leases = [leased(pool, 2 * GRANULE_BYTES) for _ in range(4)]
    assert pool.lease(1) is None
    assert pool.used == pool.size == SIZE
    for lease in leases:
        lease.release()
    again = leased(pool, SIZE)
    for lease in leases:
        lease.release()
    assert pool.used == again.size == SIZE


def test_who_waits_is_served_in_turn_and_nobody_goes_before(pool: BufferPool, loop: asyncio.AbstractEventLoop) -> None:
    first, second = leased(pool, SIZE // 2), leased(pool, SIZE // 2)
    served: list[tuple[str, Lease]] = []
    pool.when_free(SIZE, lambda lease: served.append(("large", lease)))
    pool.when_free(1, lambda lease: served.append(("small", lease)))
    first.release()
    turn(loop)
    assert served == [], "half of it is free, but the first in the row wants all"
    assert pool.lease(1) is None
    second.release()
    assert served == [], "never from within a release"
    turn(loop)
    assert [name for name, _ in served] == ["large"]
    served[0][1].release()
    turn(loop)
    assert [name for name, _ in served] == ["large", "small"]


@pytest.mark.parametrize("when", ["waiting", "served", "called back"])
def test_who_has_stopped_waiting_holds_nothing(pool: BufferPool, loop: asyncio.AbstractEventLoop, when: str) -> None:
    taken, served = leased(pool, SIZE), list[Lease]()
    waiter = pool.when_free(SIZE, served.append)
    if when != "waiting":
        taken.release()
    if when == "called back":
        turn(loop)
    waiter.cancel()
    taken.release()
    turn(loop)
    for lease in served:
        lease.release()
    assert bool(served) is (when == "called back")
    assert pool.used == 0


def test_who_stops_waiting_lets_the_next_go_on(pool: BufferPool, loop: asyncio.AbstractEventLoop) -> None:
    leased(pool, SIZE // 2)
    served: list[Lease] = []
    large = pool.when_free(SIZE, served.append)
    pool.when_free(SIZE // 2, served.append)
    large.cancel()
    turn(loop)
    assert [lease.size for lease in served] == [SIZE // 2]


def test_more_than_there_is_is_refused(pool: BufferPool) -> None:
    assert pool.lease(SIZE + 1) is None
    with pytest.raises(ValueError, match="will never be free"):
        pool.when_free(SIZE + 1, print)


def test_a_lease_grows_where_it_is_or_moves_with_its_content(pool: BufferPool) -> None:
    growing = leased(pool, GRANULE_BYTES)
    growing.view[:5] = b"begun"
    assert growing.grow(2 * GRANULE_BYTES)
    assert (growing.offset, growing.size) == (0, 2 * GRANULE_BYTES)
    behind = leased(pool, 1)
    assert growing.grow(3 * GRANULE_BYTES)
    assert growing.offset > behind.offset
    assert bytes(growing.view[:5]) == b"begun"
    assert not growing.grow(SIZE)
    assert (bytes(growing.view[:5]), growing.size) == (b"begun", 3 * GRANULE_BYTES)
    for lease in (growing, behind):
        lease.release()
    assert pool.used == 0


def test_scripts_may_hold_on_to_a_quarter(pool: BufferPool) -> None:
    first, second, third = (leased(pool, GRANULE_BYTES) for _ in range(3))
    assert [first.lend(), second.lend(), third.lend(), first.lend()] == [True, True, False, True]
    first.release()
    assert third.lend()


def test_what_is_not_used_goes_back_to_the_kernel(loop: asyncio.AbstractEventLoop) -> None:
    pool = BufferPool(64 * 2**20, loop)
    gc.collect()  # the pools of other tests
    before = procfs.read_mapped(os.getpid(), NAME)
    idle, busy = leased(pool, 20 * 2**20), leased(pool, 10 * 2**20)
    for lease in (idle, busy):
        lease.view[:] = b"x" * lease.size
    assert procfs.read_mapped(os.getpid(), NAME) - before >= 30 * 2**20
    idle.release()
    pool.give_back_unused()
    assert procfs.read_mapped(os.getpid(), NAME) - before >= 30 * 2**20, "it was used just now"
    pool.give_back_unused()
    assert 10 * 2**20 <= procfs.read_mapped(os.getpid(), NAME) - before < 11 * 2**20
    assert bytes(busy.view[-3:]) == b"xxx"
    again = leased(pool, 20 * 2**20)
    assert bytes(again.view[:100]) == bytes(100), "pages come back empty"


def test_an_answer_is_released_once(loop: asyncio.AbstractEventLoop) -> None:
    pool = BufferPool(SIZE, loop, worker_writes=True)
    lease = leased(pool, 100)
    lease.view[:4] = b"done"
    lease.length = 4
    lease.note(LeaseEvent.SUBMIT)
    lease.note(LeaseEvent.HAND)
    answer = SharedAnswer(lease)
    assert (bytes(answer.view), len(answer)) == (b"done", 4)
    with pytest.raises(TypeError):
        answer.view[0] = 0
    answer.release()
    other = leased(pool, 100)
    answer.release()
    assert (pool.used, other.state) == (GRANULE_BYTES, LeaseState.FILLING)


@pytest.mark.parametrize("worker_writes", [True, False])
def test_a_worker_cannot_change_the_size_nor_write_what_it_only_reads(worker_writes: bool) -> None:
    """A front that touched memory beyond the end of a file that has shrunk would die of SIGBUS (mmap(2))."""
    memory = SharedMemory(SIZE, worker_writes=worker_writes)
    for size in (0, SIZE - 1, SIZE + 1):
        with pytest.raises(OSError):
            os.ftruncate(memory.descriptor, size)
    reading = mmap.mmap(memory.descriptor, 0, access=mmap.ACCESS_READ)
    memory.view[:2] = b"ok"
    assert reading[:2] == b"ok"
    if worker_writes:
        mmap.mmap(memory.descriptor, 0)[:2] = b"OK"
        assert bytes(memory.view[:2]) == b"OK"
    else:
        with pytest.raises(PermissionError):
            mmap.mmap(memory.descriptor, 0)
        with pytest.raises(OSError):
            os.write(memory.descriptor, b"no")
    memory.close_descriptor()


def test_a_closed_pool_goes_with_its_last_lease(pool: BufferPool, loop: asyncio.AbstractEventLoop) -> None:
    """As for the answers of a worker that has died: what is being sent is sent, and no descriptor stays behind."""
    pool.memory.close_descriptor()
    held, mapped = leased(pool, 100), _mappings()
    pool.close()
    held.view[:3] = b"yes"
    assert pool.lease(1) is None
    held.release()
    assert _mappings() == mapped - 1


def _mappings() -> int:
    return (procfs.read_text(f"/proc/{os.getpid()}/smaps") or "").count(NAME)
