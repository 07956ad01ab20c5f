"""How long windows of load last, and what several of them come to."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.profiling.measure.window import Pace, pace, pool_windows, usual_window_s
from support.made_up import window


@given(
    budget_s=st.floats(1, 600),
    allowed_s=st.floats(0.1, 400),
    rate_rps=st.floats(0.05, 20_000),
    rows=st.integers(1, 10**5),
)
def test_a_level_keeps_to_about_its_time_and_never_cuts_a_pass_it_promised(
    budget_s: float, allowed_s: float, rate_rps: float, rows: int
) -> None:
    plan = pace(budget_s, allowed_s, rate_rps, rows)
    assert plan.seconds >= min(0.25, allowed_s)
    assert plan.expected_s <= max(allowed_s, plan.windows * usual_window_s(budget_s)) * 1.001
    if plan.whole_passes:
        assert plan.max_seconds >= plan.seconds + rows / rate_rps
    if plan.windows > 1:
        assert plan.seconds * rate_rps >= min(30, rows) * 0.89


def test_cpu_of_a_request_counts_the_failed_ones_too() -> None:
    """They cost as much, and they are part of the traffic."""
    made = window(1, 100.0, failures={0: 60}, cpu_s=0.02)
    assert made.total_cpu_s == pytest.approx(2.0)
    assert made.cpu_per_request_s == pytest.approx(0.02)
    nothing = dataclasses.replace(made, answer=dataclasses.replace(made.answer, requests=0))
    assert nothing.cpu_per_request_s == pytest.approx(2.0), "what was used is not lost"


@pytest.mark.parametrize(
    ("budget_s", "window_s"), [(0.0, 0.25), (7.5, 0.25), (45.0, 1.5), (180.0, 6.0), (300.0, 10.0), (3600.0, 10.0)]
)
def test_a_window_is_a_thirtieth_of_the_budget(budget_s: float, window_s: float) -> None:
    assert usual_window_s(budget_s) == pytest.approx(window_s)


@pytest.mark.parametrize(
    ("rate_rps", "rows", "plan"),
    [
        # A fast model with few rows: usual windows, each of them whole passes.
        (1000.0, 10, Pace(3, 6.0, 6.015, True)),
        # 1,000 rows at 100 a second: a pass of 10 s fits the allowed 30 s in thirds.
        (100.0, 1000, Pace(3, 9.0, 24.0, True)),
        # 10,000 rows would take 100 s: no whole passes.
        (100.0, 10_000, Pace(3, 6.0, 6.0, False)),
        # Thirty requests take 15 s, more than the longest window: one window of them.
        (2.0, 100, Pace(1, 15.0, 15.0, False)),
    ],
)
def test_windows_for_some_models_at_the_default_budget(rate_rps: float, rows: int, plan: Pace) -> None:
    found = pace(180.0, 30.0, rate_rps, rows)
    assert (found.windows, found.whole_passes) == (plan.windows, plan.whole_passes)
    assert (found.seconds, found.max_seconds) == pytest.approx((plan.seconds, plan.max_seconds))


@pytest.mark.parametrize(
    ("budget_s", "allowed_s", "seconds"), [(45.0, 2.0, 2 / 3), (45.0, 0.3, 0.25), (180.0, 60.0, 6.0)]
)
def test_windows_are_shorter_where_a_level_would_have_no_time(
    budget_s: float, allowed_s: float, seconds: float
) -> None:
    """Five levels in a third of the quick budget: of windows as long as usual, only two would have been run."""
    plan = pace(budget_s, allowed_s, rate_rps=2000.0, rows=12)
    assert (plan.windows, plan.seconds) == (3, pytest.approx(seconds))


def test_a_pass_over_the_rows_is_not_cut_for_it() -> None:
    plan = pace(45.0, 2.0, rate_rps=2000.0, rows=2600)
    assert plan.whole_passes
    assert plan.seconds == pytest.approx(0.9 * 1.3)


def test_windows_together_are_answered_and_use_the_sum() -> None:
    """Two seconds of 100 and one of 400 requests a second: 200 on average; what others used counts by time."""
    slow, fast = window(2, 100.0, failures={1: 5}, elsewhere_cores=0.3), window(2, 400.0, failures={1: 1, 2: 3})
    slow = dataclasses.replace(slow, answer=dataclasses.replace(slow.answer, elapsed_s=2.0, throughput_rps=100.0))
    whole = pool_windows([slow, fast])
    assert whole.answer.failed_rows == {1: 6, 2: 3}
    assert whole.answer.outcomes == {"200": 491, "500": 9}
    assert whole.answer.throughput_rps == pytest.approx((2 * 100 + 396) / 3)
    assert whole.cpu_s == pytest.approx({"front": 0.5, "worker 0": 4.5})
    assert whole.elsewhere_cores == pytest.approx(0.2)
    used = whole.cores_used(10.0)
    assert (used.mean, used.p95, used.max) == pytest.approx((0.5, 4.0, 4.0))


def test_cores_are_a_mean_over_time_and_ranks_of_samples() -> None:
    """Samples of 0.1 to 4 cores: 95 % of forty do not exceed the 38th."""
    made = dataclasses.replace(window(1, 100.0), cores=[place / 10 for place in range(1, 41)])
    used = made.cores_used(0.5)
    assert (used.mean, used.p95, used.max) == pytest.approx((2.0, 3.8, 4.0))
    nothing = dataclasses.replace(made, cores=[]).cores_used(0.0)
    assert (nothing.mean, nothing.p95, nothing.max) == (0.0, None, None)
