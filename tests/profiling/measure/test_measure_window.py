"""How long windows of load last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.profiling.measure.window import pace, usual_window_s


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
