"""How the budget is shared out."""

from __future__ import annotations

import pytest

from plimsoll.profiling.plan import Plan


@pytest.mark.parametrize(("budget_s", "overtime_s"), [(15.0, 20.0), (45.0, 57.0), (180.0, 201.6), (900.0, 1008.0)])
def test_a_failed_trial_may_be_followed_by_another_after_the_budget(budget_s: float, overtime_s: float) -> None:
    assert Plan(budget_s, 1.0, True, False).overtime_s == pytest.approx(overtime_s)


@pytest.mark.parametrize("budget_s", [20.0, 45.0, 180.0, 900.0])
def test_time_is_kept_for_a_trial_that_fails_and_the_two_that_hold(budget_s: float) -> None:
    """One trial repeats half of the operating point: of the limit that fails, of the next one, of the request."""
    plan = Plan(budget_s, 1.0, True, False, search=True)
    trial_s = plan.operating_s / 2
    assert plan.trial_s >= 3 * trial_s + plan.start_s
    assert plan.verify_s >= plan.operating_s + plan.limit_search_s + plan.trial_s
    left_s = budget_s - plan.census_s
    kept_s = plan.growth_s + plan.search_s + plan.verify_s
    assert plan.capacity_s(left_s) <= max(left_s - kept_s, left_s / 5)


def test_nothing_is_kept_for_trials_that_will_not_be_made() -> None:
    assert Plan(45.0, 1.0, False, False).verify_s == 0.0
    assert Plan(10.0, 1.0, True, False).verify_s == 0.0
    assert Plan(45.0, 20.0, True, False).verify_s == 0.0


def test_in_a_hurry_no_load_is_added_for_high_percentiles_of_the_knee() -> None:
    quick, default = Plan(45.0, 1.0, True, False), Plan(180.0, 1.0, True, False)
    assert quick.most_growth_s == quick.growth_s > 0
    assert default.most_growth_s == 2 * default.growth_s
