"""Configurations and their price, and how the time of a batch is fitted: laws that hold for all numbers."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plimsoll.profiling.advice.batching import BatchFit, BatchUse, best_batch_size, fit_batches
from plimsoll.profiling.advice.configuration import CORES_PER_GPU, Configuration, price_cores
from plimsoll.settings.resolution import flag, resolve
from plimsoll.settings.serving import ServeSettings

CONFIGURATION = st.builds(Configuration, st.integers(1, 64), st.integers(1, 64), st.none() | st.integers(1, 512))
SIZE, SECONDS = st.floats(1, 200), st.floats(0, 2)


@settings(deadline=None, max_examples=30)
@given(CONFIGURATION)
def test_the_server_understands_its_arguments(configuration: Configuration) -> None:
    """By the flags' own names, and to the same values."""
    arguments = configuration.arguments()
    given_flags = dict(zip(arguments[::2], arguments[1::2], strict=True))
    names = {flag(name): name for name in ("workers", "threads", "max_batch_size")}
    found, _ = resolve(ServeSettings, {names[name]: value for name, value in given_flags.items()}, {})
    assert (found.workers, found.threads) == (configuration.workers, configuration.threads)
    if configuration.max_batch_size is not None:
        assert found.max_batch_size == configuration.max_batch_size
    assert configuration.slots == configuration.workers * configuration.threads


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        (Configuration(1), "1 worker"),
        (Configuration(3), "3 workers"),
        (Configuration(1, 4), "1 worker, 4 threads"),
        (Configuration(2, 4), "2 workers, 4 threads each"),
        (Configuration(2, 1, 8), "2 workers, batches of at most 8"),
    ],
)
def test_a_configuration_in_words(configuration: Configuration, words: str) -> None:
    assert str(configuration) == words


@given(st.floats(0, 64), st.floats(0, 1e12), st.floats(0, 8), st.floats(0, 100))
def test_a_price_adds_up(cores: float, memory_bytes: float, gpus: float, ratio: float) -> None:
    """8 GB cost as much as a core; half a replica costs half."""
    price = price_cores(cores, memory_bytes, gpus, ratio)
    assert price == pytest.approx(cores + memory_bytes / 8e9 + gpus * ratio)
    assert price_cores(cores / 2, memory_bytes / 2, gpus / 2, ratio) == pytest.approx(price / 2)
    assert price_cores(1, 8_000_000_000) == 2.0
    assert price_cores(0, 0, 1) == CORES_PER_GPU


def use(size: float, run_s: float, runs: int = 100) -> BatchUse:
    return BatchUse(512, runs, size * runs, runs, run_s * runs)


@given(st.lists(st.tuples(SIZE, st.integers(1, 1000)), min_size=2, max_size=6), st.floats(1e-6, 0.1), SECONDS)
def test_a_line_is_found_whatever_was_measured_of_it(
    points: list[tuple[float, int]], call_s: float, batch_s: float
) -> None:
    sizes = [size for size, _ in points]
    assume(max(sizes) >= 1.6 * min(sizes))
    fit = fit_batches([use(size, call_s * size + batch_s, runs) for size, runs in points])
    assert fit is not None
    assert fit.call_s == pytest.approx(call_s, rel=1e-4, abs=1e-9)
    assert fit.batch_s == pytest.approx(batch_s, rel=1e-4, abs=1e-6)


@given(st.lists(st.tuples(SIZE, SECONDS, st.integers(1, 1000)), max_size=6))
def test_no_noise_makes_time_negative(points: list[tuple[float, float, int]]) -> None:
    fit = fit_batches([use(*point) for point in points])
    if fit is not None:
        assert fit.call_s >= 0
        assert fit.batch_s >= 0


def test_levels_of_more_batches_weigh_more() -> None:
    """One wild batch among thousands does not turn the line."""
    sound = [use(1, 0.011, 5000), use(8, 0.018, 5000)]
    fit = fit_batches([*sound, use(4, 0.5, 1)])
    assert fit is not None
    assert fit.call_s == pytest.approx(0.001, rel=0.1)
    assert fit.batch_s == pytest.approx(0.010, rel=0.1)


@given(st.floats(0, 0.05), st.floats(0, 0.5), st.integers(1, 300), st.floats(0.001, 2))
def test_under_an_objective_the_largest_batch_that_keeps_it(
    call_s: float, batch_s: float, most: int, latency_s: float
) -> None:
    fit = BatchFit(call_s, batch_s)
    best = best_batch_size(fit, most, latency_s)
    assert 1 <= best <= most
    assert best == 1 or 2 * fit.run_s(best) <= latency_s
    assert best == most or 2 * fit.run_s(best + 1) > latency_s


@given(st.floats(1e-5, 0.05), st.floats(0, 0.5), st.integers(1, 300))
def test_without_one_the_last_doubling_that_pays(call_s: float, batch_s: float, most: int) -> None:
    fit = BatchFit(call_s, batch_s)
    best = best_batch_size(fit, most, None)
    sizes = list(itertools.takewhile(lambda size: size < best, (2**power for power in itertools.count())))
    assert best in (most, 2 ** len(sizes))
    for before, after in itertools.pairwise([*sizes, best]):
        assert fit.rate_rps(after) >= 1.05 ** ((after - before) / before) * fit.rate_rps(before)
    if 2 * best <= most:
        assert fit.rate_rps(2 * best) < 1.05 * fit.rate_rps(best)


COUNTS = st.tuples(*[st.integers(0, 10**6)] * 4)


@given(COUNTS, COUNTS)
def test_what_came_since_and_what_was_before_is_all(before: tuple[int, ...], more: tuple[int, ...]) -> None:
    first = BatchUse(8, *before)
    later = BatchUse(8, *(one + other for one, other in zip(before, more, strict=True)))
    assert later.since(first) == BatchUse(8, *more)
    assert first.since(first).mean_size == first.since(first).mean_run_s == 0.0
