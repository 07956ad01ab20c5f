"""The cheapest pool, compared with a search that tries them all, on made-up tables and replicas.

The search here shares no code with the program: it puts pod after pod on a node until one no longer fits, and takes
every set of nodes away that may be lost.
"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from plimsoll.deploy.fit.answer import FitAnswer, PoolFacts
from plimsoll.deploy.fit.facts import answer
from plimsoll.deploy.fit.fitting import FitOptions
from plimsoll.deploy.needs import read_needs
from plimsoll.errors import NothingFits
from plimsoll.profiling.result.gpu import GpuRecommendation
from support.fitted import deployable
from support.operated import written

CASES = 500
MEBIBYTE = 1 << 20
# `none` in a table: the kubelet keeps 100 Mi back, and starts 110 pods at most.
EVICTION_MIB = 100


@dataclass(frozen=True)
class Machine:
    name: str
    cores: int
    memory_mib: int
    gpus: int
    pods: int
    price: float


@dataclass(frozen=True)
class Pod:
    millicores: int
    memory_mib: int
    gpus: int


@dataclass(frozen=True)
class Case:
    machines: list[Machine]
    pod: Pod
    replicas: int
    spare: int


def made_up(chance: random.Random) -> Case:
    """Sizes as clouds sell them, prices near to what the sizes would cost, so that it is close."""
    kinds = []
    for place in range(chance.randint(1, 5)):
        cores, gib = chance.choice([2, 4, 8, 16]), chance.choice([1, 2, 4, 8])
        gpus, pods = chance.choice([0, 0, 1, 2, 4]), chance.choice([3, 8, 110])
        price = round((cores * 0.04 + cores * gib * 0.005 + gpus * 0.5) * chance.uniform(0.7, 1.3), 3)
        kinds.append(Machine(f"kind{place}", cores, cores * gib * 1024, gpus, pods, price))
    pod = Pod(chance.randrange(100, 4000, 50), chance.randrange(64, 8192, 64), chance.choice([0, 0, 0, 1, 2]))
    return Case(kinds, pod, chance.randint(1, 13), chance.choice([0, 1, 1, 2]))


def places(machine: Machine, pod: Pod) -> int:
    """Pod after pod, until one does not fit."""
    millicores, memory_mib, gpus = machine.cores * 1000, machine.memory_mib - EVICTION_MIB, machine.gpus
    started = 0
    while started < machine.pods:
        millicores, memory_mib, gpus = millicores - pod.millicores, memory_mib - pod.memory_mib, gpus - pod.gpus
        if min(millicores, memory_mib, gpus) < 0:
            break
        started += 1
    return started


def holds(nodes: list[int], case: Case) -> bool:
    """`nodes` are the places of each: whichever are lost, there are enough on the others."""
    if sum(nodes) < case.replicas:
        return False
    lost = itertools.combinations(range(len(nodes)), min(case.spare, len(nodes)))
    # Nodes with as many places are alike, so a set that only differs by their order needs no second look.
    seen = {tuple(sorted(nodes[place] for place in some)) for some in lost}
    return all(sum(nodes) - sum(some) >= case.replicas for some in seen)


def pools(case: Case) -> Iterator[Counter[str]]:
    """Of one kind or two, with so many of each that one more could not help."""
    most = case.replicas + case.spare
    for machine in case.machines:
        yield from (Counter({machine.name: count}) for count in range(1, most + 1))
    for one, other in itertools.combinations(case.machines, 2):
        for first, second in itertools.product(range(1, most + 1), repeat=2):
            if first + second <= most:
                yield Counter({one.name: first, other.name: second})


def cheapest(case: Case) -> float:
    machines = {machine.name: machine for machine in case.machines}
    room = {name: places(machine, case.pod) for name, machine in machines.items()}
    priced = [(math.fsum(machines[name].price * count for name, count in pool.items()), pool) for pool in pools(case)]
    for price, pool in sorted(priced, key=lambda pair: pair[0]):
        if holds([room[name] for name in pool.elements()], case):
            return price
    return math.inf


def fitted(case: Case, folder: Path) -> FitAnswer:
    lines = ["name,vcpu,memory_gib,gpu,gpu_count,max_pods,price_per_hour"]
    for kind in case.machines:
        gpu = f"A GPU,{kind.gpus}" if kind.gpus else ","
        lines.append(f"{kind.name},{kind.cores},{kind.memory_mib / 1024},{gpu},{kind.pods},{kind.price}")
    table = folder / "nodes.csv"
    table.write_text("\n".join(lines))
    needs, profile = read_needs(written(deployable(), folder))
    pod, memory_bytes = case.pod, case.pod.memory_mib * MEBIBYTE
    gpu_need = GpuRecommendation(
        count=pod.gpus, memory_bytes=None, fraction=None, mig_profile=None, mig_reason="", resource="", reason=""
    )
    needs = replace(
        needs,
        request_cores=pod.millicores / 1000,
        request_bytes=memory_bytes,
        gpu=gpu_need if pod.gpus else None,
    )
    asked = FitOptions(nodes=str(table), replicas=case.replicas, spare_nodes=case.spare)
    return answer(needs, profile, asked)


def nodes_of(pool: PoolFacts, case: Case) -> list[int]:
    room = {machine.name: places(machine, case.pod) for machine in case.machines}
    return [room[part.node] for part in pool.parts for _ in range(part.count)]


def test_never_more_expensive_than_a_search_of_all_pools(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    mixed = nothing = 0
    for number in range(CASES):
        case = made_up(chance)
        expected = cheapest(case)
        try:
            first = fitted(case, tmp_path).best.pools[0]
        except NothingFits:
            assert math.isinf(expected), f"case {number}: {case}"
            nothing += 1
            continue
        assert first.price_per_hour == pytest.approx(expected, rel=1e-9), f"case {number}: {case}"
        assert holds(nodes_of(first, case), case), f"case {number}: {case}"
        mixed += len(first.parts) == 2
    print(f"{mixed} of {CASES} with two types of node, {nothing} without any that fits")
    # A search that never met these would show nothing.
    assert mixed > CASES / 100
    assert nothing < CASES / 2


def test_all_shown_pools_hold_what_they_must(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(100):
        case = made_up(chance)
        try:
            shown = fitted(case, tmp_path).best.pools
        except NothingFits:
            continue
        prices = [pool.price_per_hour or 0.0 for pool in shown]
        assert prices == sorted(prices)
        for pool in shown:
            nodes = nodes_of(pool, case)
            assert holds(nodes, case), case
            # One node less of any type would not do.
            for part, place in zip(pool.parts, itertools.accumulate(part.count for part in pool.parts), strict=True):
                assert part.count
                assert not holds(nodes[: place - 1] + nodes[place:], case), case


def test_a_fleet_of_a_million_replicas_takes_no_longer(tmp_path: Path) -> None:
    """Nothing is counted one by one: this would take hours."""
    case = Case(
        [Machine("a", 16, 65536, 0, 110, 0.7), Machine("b", 4, 16384, 0, 110, 0.2)], Pod(900, 2048, 0), 10**6, 2
    )
    first = fitted(case, tmp_path).best.pools[0]
    # 17 and 4 places by CPU: 1,000,000 of them are 58,823 large nodes and 9 places more.
    assert [(part.node, part.count) for part in first.parts] == [("a", 58_823 + 2), ("b", 3)]
    assert first.replicas == 10**6 + 2 * 17


def test_two_of_those_that_cost_more_for_each_place_may_be_worth_it(tmp_path: Path) -> None:
    """Rare among made-up cases: 19 places are two of seven (1.45 each) and one of five (1.00), not four of five."""
    kinds = [Machine("five", 5, 65536, 0, 110, 1.0), Machine("seven", 7, 65536, 0, 110, 1.45)]
    case = Case(kinds, Pod(1000, 64, 0), 19, 0)
    first = fitted(case, tmp_path).best.pools[0]
    assert [(part.node, part.count) for part in first.parts] == [("seven", 2), ("five", 1)]
    assert first.price_per_hour == pytest.approx(cheapest(case))
