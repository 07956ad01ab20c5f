"""Waiting by Erlang's formula: published tables, the formula written out, and a queue that is simulated."""

from __future__ import annotations

import heapq
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.profiling.advice.cpu import Demand, erlang_c, recommend_cpu, relative_wait, target_utilisation

# Demand in every test below: 10 ms of CPU and of service, known bounds.
SERVERS = st.integers(1, 64)
USED = st.floats(0.01, 0.98)


def written_out(servers: int, offered: float) -> float:
    """A. K. Erlang (1917): (a^c / c!) · c/(c - a) over the sum of a^k / k! and itself."""
    top = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return top / (sum(offered**k / math.factorial(k) for k in range(servers)) + top)


@pytest.mark.parametrize(
    ("servers", "offered", "waits"),
    [
        # Erlang C tables, as in Cooper, Introduction to Queueing Theory; M/M/1 waits as often as it is busy.
        (1, 0.5, 0.5), (1, 0.9, 0.9), (2, 1.0, 1 / 3), (2, 1.5, 0.6429), (3, 2.0, 0.4444), (4, 3.0, 0.5094),
        (5, 4.0, 0.5541), (10, 8.0, 0.4092), (20, 16.0, 0.2561),
    ],
)  # fmt: skip
def test_the_chance_to_wait_is_that_of_the_tables(servers: int, offered: float, waits: float) -> None:
    assert erlang_c(servers, offered) == pytest.approx(waits, abs=0.0001)


@given(SERVERS, USED)
def test_the_recursion_is_the_formula(servers: int, used: float) -> None:
    assert erlang_c(servers, servers * used) == pytest.approx(written_out(servers, servers * used), rel=1e-9)


@given(SERVERS, USED, st.floats(0.0, 10.0))
def test_more_work_more_variation_and_fewer_servers_wait_longer(servers: int, used: float, variation: float) -> None:
    wait = relative_wait(servers, used, variation)
    assert wait > 0
    assert relative_wait(servers, min(0.99, used * 1.01), variation) >= wait
    assert relative_wait(servers, used, variation + 0.5) > wait
    assert relative_wait(servers + 1, used, variation) < wait


@pytest.mark.parametrize("used", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("variation", [0.0, 1.0, 4.0])
def test_one_server_is_pollaczek_and_khinchine(used: float, variation: float) -> None:
    assert relative_wait(1, used, variation) == pytest.approx(used / (1 - used) * (1 + variation) / 2)


@given(SERVERS, st.floats(0, 10), st.floats(0.1, 5))
def test_the_target_is_where_the_wait_is_as_long_as_it_may_be(servers: int, variation: float, longest: float) -> None:
    used = target_utilisation(servers, variation, longest)
    assert 0 < used < 1
    assert relative_wait(servers, used, variation) == pytest.approx(longest, rel=0.001)
    assert target_utilisation(servers + 1, variation, longest) > used


def simulated_wait(servers: int, used: float, variation: float, seed: int) -> float:
    """Mean wait over mean service of 60,000 random arrivals; service is constant, exponential or of two phases."""
    draw, free_at, now, waited, served = random.Random(seed), [0.0] * servers, 0.0, 0.0, 0.0
    for _ in range(60_000):
        now += draw.expovariate(servers * used)
        service = 1.0 if variation == 0 else draw.expovariate(1.0)
        begins = max(now, heapq.heappop(free_at))
        heapq.heappush(free_at, begins + service)
        waited, served = waited + begins - now, served + service
    return waited / served


@pytest.mark.parametrize(("servers", "used", "variation"), [(1, 0.6, 0.0), (1, 0.6, 1.0), (4, 0.8, 1.0), (4, 0.8, 0.0)])
def test_a_queue_that_is_simulated_waits_as_long(servers: int, used: float, variation: float) -> None:
    """Allen and Cunneen's approximation is exact for one server and for exponential service, else within some 10 %."""
    seed = 61
    found = simulated_wait(servers, used, variation, seed)
    assert found == pytest.approx(relative_wait(servers, used, variation), rel=0.12), f"seed {seed}"


DEMAND = st.builds(
    Demand,
    cpu_s=st.floats(1e-4, 0.5),
    capacity_rps=st.floats(0.5, 2000),
    service_s=st.none() | st.floats(1e-4, 1.0),
    squared_variation=st.none() | st.floats(0, 20),
    busiest_cores=st.floats(0, 8),
    slots=st.integers(1, 32),
    cpu_upper_s=st.floats(0, 0.6),
)
RATE = st.floats(0.1, 5000)


@settings(deadline=None)
@given(DEMAND, RATE, st.none() | st.floats(0.1, 32))
def test_a_target_gets_just_enough_replicas(demand: Demand, target_rps: float, max_cores: float | None) -> None:
    answer = recommend_cpu(demand, target_rps, max_cores)
    assert answer.replicas is not None
    assert answer.replicas * answer.carries_rps >= target_rps * (1 - 1e-5)
    assert answer.replicas == 1 or (answer.replicas - 1) * answer.carries_rps < target_rps
    assert answer.operating_rps == pytest.approx(target_rps / answer.replicas)
    assert answer.operating_rps <= answer.carries_rps * (1 + 1e-5)


@settings(deadline=None)
@given(DEMAND, st.none() | RATE, st.none() | st.floats(0.1, 32), st.none() | RATE)
def test_no_answer_leaves_its_bounds(
    demand: Demand, target_rps: float | None, max_cores: float | None, slo_rps: float | None
) -> None:
    answer = recommend_cpu(demand, target_rps, max_cores, slo_rps)
    assert 0 < answer.utilisation < 1
    assert answer.carries_rps <= answer.capacity_rps <= demand.capacity_rps
    assert answer.cores.request_cores >= min(0.1, max_cores or 0.1)
    if max_cores is not None:
        assert answer.cores.request_cores <= max_cores
        assert answer.capacity_rps * demand.cpu_s <= max_cores * (1 + 1e-9)
    else:
        assert answer.cores.request_cores >= answer.need_cores / 1.05 - 1e-6
    if slo_rps is not None:
        assert answer.carries_rps <= 0.9 * slo_rps * (1 + 1e-9)
    assert answer.cores.limit_cores >= min(answer.cores.request_cores, 1.0)


@settings(deadline=None)
@given(DEMAND, RATE)
def test_a_request_that_costs_more_never_needs_fewer_cores(demand: Demand, target_rps: float) -> None:
    dearer = Demand(
        demand.cpu_s * 1.5, demand.capacity_rps, demand.service_s, demand.squared_variation, demand.busiest_cores,
        demand.slots, demand.cpu_upper_s * 1.5,
    )  # fmt: skip
    one, other = (recommend_cpu(each, target_rps, None) for each in (demand, dearer))
    assert other.replicas == one.replicas
    assert other.need_cores == pytest.approx(1.5 * one.need_cores)
    assert other.cores.request_cores >= one.cores.request_cores
