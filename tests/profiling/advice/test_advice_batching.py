"""The time of a batch by its size: the fit, the size worth collecting, and what a server tells of its batches."""

from __future__ import annotations

import pytest

from plimsoll.profiling.advice.batching import BatchFit, BatchUse, best_batch_size, fit_batches
from plimsoll.profiling.measure.metrics import read_batches


def use(size: float, run_s: float, runs: int = 100, max_size: int = 64) -> BatchUse:
    return BatchUse(max_size, runs, size * runs, runs, run_s * runs)


def test_the_line_through_means_is_found() -> None:
    fit = fit_batches([use(1, 0.012), use(4, 0.018, 50), use(7.5, 0.025, 10)])
    assert fit is not None
    assert (fit.call_s, fit.batch_s) == (pytest.approx(0.002), pytest.approx(0.010))
    assert fit.run_s(32) == pytest.approx(0.074)
    assert fit.rate_rps(32) == pytest.approx(32 / 0.074)


def test_one_size_alone_is_no_line() -> None:
    assert fit_batches([]) is None
    assert fit_batches([use(1, 0.01), use(1.2, 0.01)]) is None
    assert fit_batches([BatchUse(8, 0, 0, 0, 0.0)]) is None


def test_noise_never_makes_a_call_cost_less_than_nothing() -> None:
    fit = fit_batches([use(1, 0.011), use(8, 0.010)])
    assert fit is not None
    assert fit.call_s == 0
    assert fit.batch_s == pytest.approx(0.0105)


def test_without_an_objective_doubling_must_bring_five_per_cent() -> None:
    fit = BatchFit(0.001, 0.010)
    # Rates of 128, 256 and 512: 928, 962 and 981 a second.
    assert best_batch_size(fit, 1024, None) == 128 // 2 * 2
    assert best_batch_size(fit, 16, None) == 16, "what the script takes at most"
    assert best_batch_size(BatchFit(0.010, 0.0), 64, None) == 1, "batches bring nothing"
    assert best_batch_size(BatchFit(0.0, 0.010), 48, None) == 48


def test_under_an_objective_a_call_waits_for_one_batch_and_is_in_the_next() -> None:
    fit = BatchFit(0.001, 0.010)
    assert best_batch_size(fit, 64, 0.060) == 20
    assert best_batch_size(fit, 8, 0.060) == 8
    assert best_batch_size(fit, 64, 0.001) == 1, "none keeps it"


def test_what_a_server_says_of_its_batches() -> None:
    text = """\
# TYPE plimsoll_max_batch_size gauge
plimsoll_max_batch_size 16.0
# TYPE plimsoll_batch_size histogram
plimsoll_batch_size_bucket{le="1.0"} 2.0
plimsoll_batch_size_bucket{le="+Inf"} 4.0
plimsoll_batch_size_count 4.0
plimsoll_batch_size_sum 10.0
# TYPE plimsoll_batch_seconds histogram
plimsoll_batch_seconds_bucket{le="+Inf"} 3.0
plimsoll_batch_seconds_count 3.0
plimsoll_batch_seconds_sum 0.6
"""
    found = read_batches(text)
    assert found == BatchUse(16, 4.0, 10.0, 3.0, 0.6)
    assert (found.mean_size, found.mean_run_s) == (2.5, pytest.approx(0.2))
    later = BatchUse(16, 6.0, 20.0, 5.0, 1.0)
    assert later.since(found).mean_size == 5.0
    assert read_batches(text.replace("16.0", "0.0")) is None
    assert read_batches("") is None
