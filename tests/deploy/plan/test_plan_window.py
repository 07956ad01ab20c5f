"""One replica against the formulas of queueing theory, and against SimPy where there is none."""

from __future__ import annotations

import math
import statistics
from collections.abc import Generator
from random import Random
from typing import Any

import pytest
import simpy

from plimsoll.deploy.plan.replica.clock import WorkClock
from plimsoll.deploy.plan.replica.model import BatchTimes, Patience, Pauses, ReplicaModel
from plimsoll.deploy.plan.replica.present import Present, present_of
from plimsoll.deploy.plan.replica.shape import Shape, shape_of_curve
from plimsoll.deploy.plan.replica.window import run_window
from plimsoll.profiling.advice.cpu import erlang_c
from support.planned import CONSTANT, EXPONENTIAL, TWO_KINDS

SEED = 20201
SERVICE_S = 0.01
ENDLESS = 10**9


def replica(**changes: Any) -> ReplicaModel:
    values: dict[str, Any] = {"servers": 1, "service_s": SERVICE_S, "delay_s": 0.0, "shape": EXPONENTIAL}
    return ReplicaModel(**values | {"most_waiting": ENDLESS} | changes)


def latencies(model: ReplicaModel, utilisation: float, requests: int = 300_000, seed: int = SEED) -> list[float]:
    """Sorted; of a replica that has been busy for a while."""
    print(f"seed {seed}")
    rate_rps = utilisation * model.capacity_rps
    window = run_window(model, rate_rps, requests / rate_rps, Present(), Random(seed))
    found = [latency_s for latency_s in window.latencies_s if latency_s is not None]
    return sorted(found[len(found) // 20 :])


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.5), (1, 0.8), (2, 0.8), (4, 0.9), (8, 0.7)])
def test_exponential_services_wait_as_erlang_says(servers: int, utilisation: float) -> None:
    found = latencies(replica(servers=servers), utilisation)
    # M/M/c: C(c, a) / (c·mu - lambda), https://en.wikipedia.org/wiki/M/M/c_queue.
    wait_s = erlang_c(servers, servers * utilisation) * SERVICE_S / (servers * (1 - utilisation))
    assert statistics.fmean(found) - SERVICE_S == pytest.approx(wait_s, rel=0.08, abs=0.02 * SERVICE_S)


@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("shape", [CONSTANT, TWO_KINDS], ids=["constant", "two kinds"])
def test_any_services_of_one_server_wait_as_pollaczek_and_khinchine_say(shape: Shape, utilisation: float) -> None:
    found = latencies(replica(shape=shape), utilisation)
    wait_s = utilisation / (1 - utilisation) * (1 + shape.squared_variation) / 2 * SERVICE_S
    assert statistics.fmean(found) - SERVICE_S == pytest.approx(wait_s, rel=0.06)


def test_percentiles_of_one_server_are_those_of_the_exponential_distribution() -> None:
    found = latencies(replica(), 0.7)
    for share in (0.5, 0.95, 0.99):
        expected_s = -math.log(1 - share) * SERVICE_S / (1 - 0.7)
        assert found[int(share * len(found))] == pytest.approx(expected_s, rel=0.06)


@pytest.mark.parametrize(("servers", "waiting", "offered"), [(1, 4, 0.9), (2, 10, 2.4), (3, 0, 2.0)])
def test_a_full_queue_refuses_as_many_as_the_formula(servers: int, waiting: int, offered: float) -> None:
    model = replica(servers=servers, most_waiting=waiting)
    window = run_window(model, offered / SERVICE_S, 2000, Present(), Random(SEED))
    # M/M/c/K; without a queue it is Erlang's B.
    chances = [1.0]
    for present in range(1, servers + waiting + 1):
        chances.append(chances[-1] * offered / min(present, servers))
    refused = window.latencies_s.count(None) / len(window.latencies_s)
    assert refused == pytest.approx(chances[-1] / sum(chances), rel=0.06)


@pytest.mark.parametrize("utilisation", [0.5, 0.8])
def test_in_turn_two_replicas_wait_as_the_formula_says(utilisation: float) -> None:
    model, rate_rps = replica(), utilisation / SERVICE_S
    window = run_window(model, rate_rps, 300_000 / rate_rps, Present(), Random(SEED), rotation=2)
    assert len(window.latencies_s) == pytest.approx(300_000, rel=0.01)
    found = statistics.fmean(latency_s for latency_s in window.latencies_s if latency_s is not None)
    # E2/M/1: the time in the system is exponential with mu·(1 - s), where s = (2·lambda / (2·lambda + mu·(1 - s)))².
    mu, root = 1 / SERVICE_S, 0.5
    for _ in range(200):
        root = (2 * rate_rps / (2 * rate_rps + mu * (1 - root))) ** 2
    assert found == pytest.approx(1 / (mu * (1 - root)), rel=0.04)


def test_what_is_there_at_the_beginning_goes_first() -> None:
    model = replica(shape=CONSTANT)
    present = present_of(11, model, Random(SEED))
    assert (len(present.free_s), len(present.waiting_s)) == (1, 10)
    window = run_window(model, 1000.0, 0.01, present, Random(SEED))
    first_s = window.latencies_s[0]
    # Ten services, the rest of the one that was under way and its own, less the time until it came.
    assert first_s is not None
    assert 10 * SERVICE_S < first_s < 12 * SERVICE_S
    # Five are done: the rest of one within 10 ms, and four in 10 ms each.
    assert run_window(model, 0.0, 0.05, present, Random(SEED)).left.count == 6
    assert run_window(model, 0.0, 0.2, present, Random(SEED)).left.count == 0


def test_what_is_left_at_the_end_is_counted() -> None:
    window = run_window(replica(shape=CONSTANT), 300.0, 10.0, Present(), Random(SEED))
    answered = sum(latency_s is not None for latency_s in window.latencies_s)
    assert window.left.count == pytest.approx(answered - 10.0 / SERVICE_S, abs=2)


def test_delay_holds_no_server() -> None:
    plain, delayed = (latencies(replica(delay_s=delay_s), 0.8, 20_000) for delay_s in (0.0, 0.5))
    assert statistics.fmean(delayed) - statistics.fmean(plain) == pytest.approx(0.5, rel=0.05)


def test_contention_grows_with_the_load() -> None:
    model = replica(busy_delay_s=0.2)
    for utilisation in (0.25, 0.75):
        without = statistics.fmean(latencies(replica(), utilisation, 20_000))
        more_s = statistics.fmean(latencies(model, utilisation, 20_000)) - without
        assert more_s == pytest.approx(0.2 * utilisation, rel=1e-6)


def test_a_curve_becomes_equally_likely_values() -> None:
    shape, mean_s = shape_of_curve([0.5, 1.0], [0.010, 0.030])
    assert mean_s == pytest.approx((0.010 + 0.020) / 2, rel=1e-3)
    assert statistics.fmean(shape.values) == pytest.approx(1.0)
    assert max(shape.values) * mean_s == pytest.approx(0.030, rel=1e-3)


def test_the_two_clocks_agree() -> None:
    clock = WorkClock(Pauses(2.0, 0.3), Random(SEED))
    walls = [0.1 * step for step in range(1, 5000)]
    works = [clock.work(wall_s) for wall_s in walls]
    assert works == sorted(works)
    # In the long run one second of work takes 1 + 2 · 0.3 s.
    assert walls[-1] / works[-1] == pytest.approx(1.6, rel=0.1)
    for wall_s, work_s in zip(walls, works, strict=True):
        assert clock.wall(work_s) <= wall_s + 1e-9


class Peer:
    """The same replica as processes of SimPy: another engine, another generator of events, nothing in common."""

    def __init__(self, model: ReplicaModel, rate_rps: float, requests: int, seed: int) -> None:
        self.model, self.rate_rps, self.requests = model, rate_rps, requests
        self.random, self.env = Random(seed), simpy.Environment()
        self.latencies: list[float] = []
        self.refused = 0
        self.queue: list[float] = []
        self.idle, self.run_s = (
            model.servers,
            model.batches.run_s(model.batches.largest) if model.batches else SERVICE_S,
        )

    def run(self) -> list[float]:
        self.env.process(self.arrivals())
        self.env.run()
        return sorted(self.latencies)

    def arrivals(self) -> Generator[Any, Any, None]:
        for _ in range(self.requests):
            yield self.env.timeout(self.random.expovariate(self.rate_rps))
            if not self.idle and (len(self.queue) >= self.model.most_waiting or self.would_be_late()):
                self.refused += 1
                continue
            self.queue.append(self.env.now)
            if self.idle:
                self.begin()
            elif self.model.patience:
                self.env.process(self.give_up(self.env.now, self.model.patience.queue_s))

    def would_be_late(self) -> bool:
        """As the README says: 429 at once if the wait for a slot alone would be longer."""
        if self.model.patience is None or not self.queue:
            return False
        at_once = self.model.servers * (self.model.batches.largest if self.model.batches else 1)
        return self.run_s * (len(self.queue) + 1) / at_once > self.model.patience.admission_s

    def give_up(self, at_s: float, after_s: float) -> Generator[Any, Any, None]:
        yield self.env.timeout(after_s)
        if at_s in self.queue:
            self.queue.remove(at_s)
            self.refused += 1

    def begin(self) -> None:
        batches = self.model.batches
        largest = batches.largest if batches else 1
        taken, self.queue = self.queue[:largest], self.queue[largest:]
        values = [self.random.choice(self.model.shape.values) for _ in taken]
        run_s = batches.run_s(len(taken)) if batches else self.model.service_s
        self.idle -= 1
        self.env.process(self.serve(taken, values, run_s))

    def serve(self, taken: list[float], values: list[float], run_s: float) -> Generator[Any, Any, None]:
        yield self.env.timeout(run_s * statistics.fmean(values))
        for at_s, value in zip(taken, values, strict=True):
            self.run_s += 0.1 * (run_s * statistics.fmean(values) - self.run_s)
            latency_s = self.env.now - at_s + value * self.model.delay_s
            if self.model.patience and latency_s > self.model.patience.answer_s:
                self.refused += 1
            else:
                self.latencies.append(latency_s)
        self.idle += 1
        if self.queue:
            self.begin()


CASES = {
    "three servers, two kinds": (replica(servers=3, shape=TWO_KINDS), 0.7),
    "a delay outside": (replica(servers=2, shape=TWO_KINDS, delay_s=0.02), 0.7),
    "a short queue, overloaded": (replica(servers=2, shape=TWO_KINDS, most_waiting=20), 1.3),
    "batches": (replica(batches=BatchTimes(0.001, 0.01, 16), shape=TWO_KINDS), 0.6),
    "batches, overloaded": (replica(servers=2, batches=BatchTimes(0.001, 0.01, 16), most_waiting=64), 1.2),
    "a deadline of the server, overloaded": (replica(servers=2, shape=TWO_KINDS, patience=Patience(0.3)), 1.3),
    "a deadline of the clients, overloaded": (replica(shape=TWO_KINDS, patience=Patience(answer_s=0.3)), 1.3),
    "a deadline of the clients, nearly too much": (replica(servers=2, patience=Patience(answer_s=0.1)), 0.95),
    "batches with a deadline, overloaded": (
        replica(servers=2, batches=BatchTimes(0.001, 0.01, 8), patience=Patience(answer_s=0.1)),
        1.3,
    ),
    "batches of a script alone": (replica(batches=BatchTimes(0.0, 0.02, 8), shape=CONSTANT), 0.4),
}


@pytest.mark.parametrize("name", CASES)
def test_simpy_comes_to_the_same(name: str) -> None:
    model, utilisation = CASES[name]
    requests, rate_rps = 100_000, utilisation * model.capacity_rps
    print(f"seed {SEED}")
    window = run_window(model, rate_rps, requests / rate_rps, Present(), Random(SEED))
    found = sorted(latency_s for latency_s in window.latencies_s if latency_s is not None)
    peer = Peer(model, rate_rps, requests, SEED + 1)
    expected = peer.run()
    assert statistics.fmean(found) == pytest.approx(statistics.fmean(expected), rel=0.06)
    for share in (0.5, 0.95, 0.99):
        assert found[int(share * len(found))] == pytest.approx(expected[int(share * len(expected))], rel=0.08)
    refused = window.latencies_s.count(None) / len(window.latencies_s)
    assert refused == pytest.approx(peer.refused / requests, abs=0.01)


@pytest.mark.parametrize(
    "model",
    [
        replica(servers=2, pauses=Pauses(1.0, 0.1)),
        replica(pauses=Pauses(1.0, 0.1), batches=BatchTimes(0.001, 0.01, 16)),
        replica(servers=4, delay_s=0.05),
    ],
    ids=["pauses", "batches with pauses", "a delay outside"],
)
def test_as_many_are_under_way_as_little_says(model: ReplicaModel) -> None:
    rate_rps = 0.6 * model.capacity_rps
    window = run_window(model, rate_rps, 200_000 / rate_rps, Present(), Random(SEED))
    mean_s = statistics.fmean(latency_s for latency_s in window.latencies_s if latency_s is not None)
    assert window.under_way == pytest.approx(rate_rps * mean_s, rel=0.02)


def test_pauses_interrupt_whoever_is_served() -> None:
    """What was served stays served, the queue stands still, and a pause counts for all who are there."""
    often, long_s = 2.0, 0.05
    model = replica(pauses=Pauses(often, long_s), shape=CONSTANT)
    assert model.capacity_rps == pytest.approx(100 / 1.1)
    found = latencies(model, 0.5)
    # The unfinished work W is W1 in pauses and W0 outside; from the balance of W·1(pause) and of W², with P(pause) = p:
    # W1 = l·(n·W0 + rho·p), W0 = rho·(W0 + W1) + lambda·S²/2. An arrival waits for the rest of a pause, if there is
    # one, and then for W and itself, each second of which takes 1 + n·l.
    rate_rps = 0.5 * model.capacity_rps
    busy, paused = rate_rps * SERVICE_S, often * long_s / (1 + often * long_s)
    outside_s = (busy**2 * long_s * paused + rate_rps * SERVICE_S**2 / 2) / (1 - busy * (1 + often * long_s))
    within_s = long_s * (often * outside_s + busy * paused)
    expected_s = paused * long_s + (outside_s + within_s + SERVICE_S) * (1 + often * long_s)
    assert statistics.fmean(found) == pytest.approx(expected_s, rel=0.05)
