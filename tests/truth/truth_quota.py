"""What a CPU quota does to the latency of one worker, by a model of the quota and the queue."""

from __future__ import annotations

import random

PERIOD_S = 0.1


def p95_under_quota_s(service_s: float, rate_rps: float, cores: float, requests: int = 20_000) -> float:
    """One worker, constant service, Poisson arrivals, and a quota of so much of each period of 100 ms.

    What cpu.max does (Linux, Documentation/scheduler/sched-bwc.rst), its slices per CPU left out: the first
    `cores` times 100 ms of work in each period run, the rest waits for the next.
    """
    draw, now_s, free_s, used_s, period, times_s = random.Random(1), 0.0, 0.0, 0.0, -1, []
    for _ in range(requests):
        now_s += draw.expovariate(rate_rps)
        at_s, left_s = max(now_s, free_s), service_s
        while left_s > 1e-12:
            if int(at_s / PERIOD_S + 1e-9) != period:
                period, used_s = int(at_s / PERIOD_S + 1e-9), 0.0
            end_s = (period + 1) * PERIOD_S
            run_s = min(left_s, cores * PERIOD_S - used_s, end_s - at_s)
            if run_s <= 1e-12:
                at_s = end_s
                continue
            at_s, left_s, used_s = at_s + run_s, left_s - run_s, used_s + run_s
        free_s = at_s
        times_s.append(at_s - now_s)
    return sorted(times_s)[int(0.95 * requests)]


def fits_the_model(limit_cores: float, service_s: float, rate_rps: float) -> None:
    """A quota of 0.7 times the limit is too small by the model, and one of 1.3 times is enough."""
    free_s = p95_under_quota_s(service_s, rate_rps, 64.0)
    less_s = p95_under_quota_s(service_s, rate_rps, 0.7 * limit_cores)
    more_s = p95_under_quota_s(service_s, rate_rps, 1.3 * limit_cores)
    assert less_s > 1.2 * free_s, f"the model says that 0.7 times {limit_cores:g} cores are enough"
    assert more_s < 1.2 * free_s + 0.004, f"the model says that 1.3 times {limit_cores:g} cores are too few"
