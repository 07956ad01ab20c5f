"""When an objective is shown: the binomial rule against exact sums, Wilks' sample sizes and MLPerf's query counts."""

from __future__ import annotations

import functools
import math
import random
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.errors import UsageError
from plimsoll.profiling.advice.slo import Slo, binomial_at_most, parse_slo
from plimsoll.profiling.latency import Distribution, decode_distribution, encode_histogram

FAST_NS, SLOW_NS = 10_000_000, 900_000_000
LIMIT_S = 0.1
# Wilks (1941) as nuclear safety analysis tabulates it: of how many runs 0, 1, 2, … may exceed a percentile at 95 %.
WILKS = {
    0.90: (29, 46, 61, 76, 89),
    0.95: (59, 93, 124, 153, 181),
    0.99: (299, 473, 628, 773, 913),
}


@functools.cache
def latencies(fast: int, slow: int) -> Distribution:
    times_ns = [FAST_NS] * fast + [SLOW_NS] * slow
    return decode_distribution(encode_histogram(times_ns), sum(times_ns) / 1e9)


def exact(successes: int, trials: int, chance: Fraction) -> Fraction:
    terms = (math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(successes + 1))
    return sum(terms, Fraction(0))


@settings(deadline=None)
@given(st.integers(1, 120), st.data(), st.sampled_from(["1/100", "1/20", "1/2", "999/1000"]))
def test_the_sum_is_the_exact_one(trials: int, data: st.DataObject, chance: str) -> None:
    successes = data.draw(st.integers(0, trials))
    found = binomial_at_most(successes, trials, float(Fraction(chance)))
    assert found == pytest.approx(float(exact(successes, trials, Fraction(chance))), rel=1e-9, abs=1e-12)


@settings(deadline=None)
@given(st.integers(1, 500), st.floats(0.001, 0.5))
def test_it_rises_to_one(trials: int, chance: float) -> None:
    sums = [binomial_at_most(count, trials, chance) for count in range(-1, trials + 2, max(1, trials // 20))]
    assert sums[0] == 0.0
    assert sums == sorted(sums)
    assert binomial_at_most(trials, trials, chance) == pytest.approx(1.0)


def test_a_million_requests_are_no_trouble() -> None:
    """Near the mean a binomial of many trials is a normal distribution: half of it lies below."""
    assert binomial_at_most(1000, 1_000_000, 0.001) == pytest.approx(0.508, abs=0.002)
    assert binomial_at_most(0, 1_000_000, 0.001) < 1e-300


@pytest.mark.parametrize(
    ("successes", "chance", "found"), [(3, 0.0, 1.0), (9, 1.0, 0.0), (10, 1.0, 1.0), (-1, 0.0, 0.0)]
)
def test_what_never_or_always_happens(successes: int, chance: float, found: float) -> None:
    assert binomial_at_most(successes, 10, chance) == found


def test_the_upper_tail_of_five_thousand_tries() -> None:
    """Its binomial coefficients are beyond every float."""
    assert 1 - binomial_at_most(4_499, 5_000, 0.9) == pytest.approx(0.5, abs=0.02)
    assert 1 - binomial_at_most(3_999, 5_000, 0.2) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("share", WILKS)
@pytest.mark.parametrize("slow", range(5))
def test_an_objective_is_shown_from_wilks_sample_size_on(share: float, slow: int) -> None:
    enough = WILKS[share][slow]
    slo = Slo(share, LIMIT_S)
    assert slo.met(latencies(enough - slow, slow), 0) is True
    assert slo.met(latencies(enough - slow - 1, slow), 0) is None
    assert slo.met(latencies(enough - slow, 0), slow) is True, "a failure is as bad as a slow answer"


@pytest.mark.parametrize(("share", "queries"), [(0.90, 64), (0.99, 662)])
def test_the_query_counts_of_mlperf_follow_from_the_same_sum(share: float, queries: int) -> None:
    """MLPerf inference rules, early stopping at 99 % confidence: one slow query needs 64 (p90) or 662 (p99) in all."""
    assert binomial_at_most(1, queries, 1 - share) <= 0.01 < binomial_at_most(1, queries - 1, 1 - share)


@pytest.mark.parametrize(
    ("fast", "slow", "verdict"),
    [(0, 0, None), (1, 0, None), (0, 2, False), (95, 5, None), (91, 9, None), (90, 10, False)],
)
def test_too_few_decide_nothing(fast: int, slow: int, verdict: bool | None) -> None:
    """At p95: two slow ones of two are a chance of 0.25 %; of a hundred, nine or more one of 6.3 %, ten of 2.8 %."""
    assert Slo(0.95, LIMIT_S).met(latencies(fast, slow), 0) is verdict


@settings(deadline=None, max_examples=10)
@given(st.integers(1, 400), st.data(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_one_slow_answer_more_never_helps(requests: int, data: st.DataObject, share: float) -> None:
    slow = data.draw(st.integers(0, requests - 1))
    order = {True: 2, None: 1, False: 0}
    slo = Slo(share, LIMIT_S)
    better, worse = slo.met(latencies(requests - slow, slow), 0), slo.met(latencies(requests - slow - 1, slow + 1), 0)
    assert order[worse] <= order[better]


@pytest.mark.parametrize(("truth", "wrong"), [(0.94, True), (0.96, False)])
def test_wrong_verdicts_are_as_rare_as_is_promised(truth: float, wrong: bool) -> None:
    """At p95, servers that keep it in 94 % or 96 % of the requests: the wrong verdict in no more than 5 % of runs."""
    seed = 51
    draw, slo = random.Random(seed), Slo(0.95, LIMIT_S)
    runs = Counter(sum(draw.random() > truth for _ in range(300)) for _ in range(2000))
    wrongly = sum(count for slow, count in runs.items() if slo.met(latencies(300 - slow, slow), 0) is wrong)
    assert wrongly <= 0.05 * 2000, f"seed {seed}: {wrongly} of 2000"


@pytest.mark.parametrize(
    ("text", "share", "seconds"),
    [
        ("p99=200ms", 0.99, 0.2), ("p95=1.5s", 0.95, 1.5), (" p99.9 <= 20 ms ", 0.999, 0.02), ("p50<1s", 0.5, 1.0),
        ("p0.1=1ms", 0.001, 0.001),
    ],
)  # fmt: skip
def test_an_objective_as_people_write_it(text: str, share: float, seconds: float) -> None:
    found = parse_slo(text)
    assert (found.share, found.seconds) == (pytest.approx(share), pytest.approx(seconds))
    assert parse_slo(str(found).replace(" of ", "=")).share == pytest.approx(share)


@pytest.mark.parametrize(
    "text",
    ["", "p99", "200ms", "p99=200", "p99=0ms", "p100=1s", "p0=1s", "99=1s", "p99>1s", "p99=-1s", "p99=1m", "P99=1s"],
)
def test_what_is_no_objective_names_the_flag(text: str) -> None:
    with pytest.raises(UsageError, match="--slo"):
        parse_slo(text)
