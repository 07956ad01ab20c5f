"""A stretch of time in the life of one replica: requests arrive at random, wait, are answered or refused.

First come, first served, by so many servers. How long a request waits depends on those before it alone, so that one
pass over the arrivals, with a heap of the times at which servers become free, gives every latency exactly: the
recursion of Kiefer and Wolfowitz. In plain Python it does 2 million requests a second; with a process for each request,
as SimPy has them, it is a tenth of that.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from heapq import heapify, heapreplace
from random import Random

from plimsoll.deploy.plan.replica.batches import BatchRun
from plimsoll.deploy.plan.replica.clock import WorkClock
from plimsoll.deploy.plan.replica.deadlines import Deadlines
from plimsoll.deploy.plan.replica.model import ReplicaModel
from plimsoll.deploy.plan.replica.present import Present
from plimsoll.deploy.plan.replica.stretch import Stretch, Window


def run_window(
    model: ReplicaModel, rate_rps: float, seconds: float, present: Present, random: Random, rotation: int = 1
) -> Window:
    """What is `present` at the beginning goes first; its own latencies belong to the time before.

    Of all requests, which are a Poisson process, a balancer gives every `rotation`-th to this replica.
    """
    arrivals = _arrivals(rate_rps, random) if rotation == 1 else _turns(rate_rps, random, rotation)
    busy = min(1.0, rate_rps / model.capacity_rps)
    clock = WorkClock(model.pauses, random) if model.pauses else None
    deadlines = Deadlines(model, model.patience) if model.patience else None
    stretch = Stretch(model, arrivals, seconds, present, random, busy * model.busy_delay_s, clock, deadlines)
    return _run_single(stretch) if model.batches is None else BatchRun(stretch, model.batches).run()


def _arrivals(rate_rps: float, random: Random) -> Iterator[float]:
    if rate_rps <= 0:
        return
    draw, log, at_s = random.random, math.log, 0.0
    while True:
        at_s -= log(1.0 - draw()) / rate_rps
        yield at_s


def _turns(rate_rps: float, random: Random, rotation: int) -> Iterator[float]:
    """Sums of as many exponential times; the first of fewer, as the turn may be anybody's at the beginning."""
    if rate_rps <= 0:
        return
    each_s = 1 / (rate_rps * rotation)
    at_s = random.gammavariate(random.randint(1, rotation), each_s)
    while True:
        yield at_s
        at_s += random.gammavariate(rotation, each_s)


def _run_single(stretch: Stretch) -> Window:
    model, clock, deadlines, seconds = stretch.model, stretch.clock, stretch.deadlines, stretch.seconds
    values, count, service_s = model.shape.values, len(model.shape.values), model.service_s
    delay_s, added_s, draw = model.delay_s, stretch.added_s, stretch.random.random
    most_waiting = model.most_waiting + model.ahead
    free = stretch.servers()
    heapify(free)
    waiting = deque(stretch.present.waiting_s)
    latencies_s: list[float | None] = []
    note, popleft, append = latencies_s.append, waiting.popleft, waiting.append
    for at_s in stretch.arrivals:
        if at_s >= seconds:
            break
        now_s = clock.work(at_s) if clock else at_s
        while waiting and waiting[0] <= now_s:
            popleft()
        begin_s = free[0]
        if begin_s <= now_s:
            begin_s = now_s
        elif deadlines.refuses(len(waiting), now_s) if deadlines else len(waiting) >= most_waiting:
            note(None)
            continue
        elif deadlines and (clock.wall(begin_s) if clock else begin_s) - at_s > deadlines.patience.queue_s:
            deadlines.wait_in_vain(now_s)
            note(None)
            continue
        else:
            append(begin_s)
        value = values[int(draw() * count)]
        done_s = begin_s + value * service_s
        heapreplace(free, done_s)
        latency_s = (clock.wall(done_s) if clock else done_s) - at_s + value * delay_s + added_s
        if deadlines:
            deadlines.begin(done_s, value * service_s)
            note(deadlines.kept(latency_s))
        else:
            note(latency_s)
    end_s = clock.work(seconds) if clock else seconds
    left = Present(
        tuple(free_s - end_s for free_s in free if free_s > end_s),
        tuple(begin_s - end_s for begin_s in waiting if begin_s > end_s),
    )
    return stretch.over(latencies_s, left)
