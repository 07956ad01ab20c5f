"""What a server says at /metrics, in the text format of Prometheus, and what follows for the load."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest

from plimsoll.profiling.advice.batching import BatchUse
from plimsoll.profiling.measure.metrics import (
    MOST_CONNECTIONS,
    ConnectionBudget,
    allocator_peaks_bytes,
    budget_connections,
    read_batches,
)


def exposed(limit: float | None = None, max_size: int | None = None, peaks: tuple[int, ...] = ()) -> str:
    """As the Prometheus client library writes it, other figures around it."""
    registry = CollectorRegistry()
    Gauge("plimsoll_slots", "slots", registry=registry).set(3)
    Gauge("plimsoll_connections_limit_reached", "another", registry=registry).set(1)
    if limit is not None:
        Gauge("plimsoll_connections_limit", "limit", registry=registry).set(limit)
    if max_size is not None:
        Gauge("plimsoll_max_batch_size", "most", registry=registry).set(max_size)
        sizes = Histogram("plimsoll_batch_size", "calls", registry=registry)
        seconds = Histogram("plimsoll_batch_seconds", "time", registry=registry)
        for size in (1, 2, 4):
            sizes.observe(size)
            seconds.observe(size / 100)
    if peaks:
        gauge = Gauge("plimsoll_gpu_allocator_peak_bytes", "peak", ["worker"], registry=registry)
        for worker, peak in enumerate(peaks):
            gauge.labels(str(worker)).set(peak)
    return generate_latest(registry).decode()


@given(driver=st.integers(1, 5000), limit=st.none() | st.integers(0, 5000))
def test_the_load_leaves_the_server_room(driver: int, limit: int | None) -> None:
    """An eighth of the connections: the level before is still closing its own, and somebody asks for /metrics."""
    found = budget_connections(driver, exposed(limit))
    assert 1 <= found.most <= min(driver, MOST_CONNECTIONS)
    assert found.bounds == (found.most < MOST_CONNECTIONS)
    if limit is not None and limit > 1:
        assert found.most <= limit * 7 / 8 + 1
        assert found.most < limit


@pytest.mark.parametrize(("limit", "server"), [(0, 1), (1, 1), (8, 7), (110, 96), (1024, 896), (4096, 3584)])
def test_what_the_server_lets_in(limit: int, server: int) -> None:
    assert budget_connections(1 << 20, exposed(limit)).server == server


def test_a_server_that_says_nothing_bounds_nothing() -> None:
    assert budget_connections(10_000, exposed()) == ConnectionBudget(10_000)
    assert budget_connections(10_000, "") == ConnectionBudget(10_000, MOST_CONNECTIONS)
    assert not budget_connections(10_000, "").bounds


def test_a_bound_names_its_number_and_a_remedy() -> None:
    sentence = ConnectionBudget(77, 300).sentence()
    assert "77 connections" in sentence
    assert "ulimit -n" in sentence
    assert "--max-connections" in sentence


def test_batches_as_the_client_library_writes_them() -> None:
    found = read_batches(exposed(max_size=8))
    assert found == BatchUse(8, 3.0, 7.0, 3.0, pytest.approx(0.07))
    assert found.mean_size == pytest.approx(7 / 3)
    assert found.mean_run_s == pytest.approx(0.07 / 3)


def test_no_batches_are_not_batches_of_nothing() -> None:
    assert read_batches(exposed()) is None
    assert read_batches(exposed(max_size=0)) is None
    assert read_batches("") is None


@given(st.lists(st.integers(0, 2**40), max_size=5).map(tuple))
def test_every_worker_has_a_peak_of_its_own(peaks: tuple[int, ...]) -> None:
    assert allocator_peaks_bytes(exposed(peaks=peaks)) == list(peaks)
