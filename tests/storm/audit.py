"""What must hold at the end of a round: the invariants of the storm, each as a list of complaints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from storm.injector import Strike
from storm.requests import Leave
from storm.scene import Footprint

_STARTS = 3
_STALL_S = 3.0
"""For so long a machine may stand still, or more, while a worker starts."""
_GROWTH_BYTES = 5_000_000
_NOISE_BYTES = 3_000_000
_FEW = 5_000
Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]
_REQUESTS = "plimsoll_requests_total"
_RESTARTS = "plimsoll_worker_restarts_total"
_OWN_TRACEBACK = re.compile(r"Traceback|Exception |\S+ \S+ [EC] \[\d+\] asyncio")
_COUNTED_LEAVES = {f"leave_{stage.value}" for stage in Leave} - {"leave_connected", "leave_in_head"}
"""A request whose head was never whole is none."""
_ELSEWHERE = ("not_http", "nowhere")
"""Kinds of requests that are counted under another route."""
_STATUS = re.compile(r"\b\d{3}\b")
_DEATHS = ("signal", "exit", "scoring_timeout", "start_failed")
LOST = ("502 worker_died", "502 worker_broke", "502 answer_lost", "504 scoring_timeout")
_POSSIBLE = ("left", "cut", "cut begun", "429 queue_full", "503 not_ready", "504 queue_timeout", *LOST)
"""Right outcomes apart, what may happen to a request; the rest never may."""


def complaints_of_clients(
    outcomes: Counter[str], deaths: int, strikes: list[Strike], lanes: int, per_death: int
) -> list[str]:
    """`deaths` of workers may have cost `per_death` calls each, those of fronts every open connection."""
    front_deaths = sum(strike.front_deaths for strike in strikes)
    may_be_lost = deaths * per_death + front_deaths * lanes + sum(strike.begun - 1 for strike in strikes) * per_death
    found = [f"{key}: {count} times" for key, count in outcomes.items() if _is_never_right(key)]
    lost = _count(outcomes, lambda kind, how: how in LOST or (how == "cut begun" and kind == "stream"))
    if lost > may_be_lost:
        found.append(f"{lost} calls were lost to {deaths} deaths, which may cost {may_be_lost}")
    cuts = _count(outcomes, lambda kind, how: how == "cut" or (how == "cut begun" and kind != "stream"))
    if cuts > front_deaths * lanes:
        found.append(f"{cuts} connections were cut by {front_deaths} ends of the front with {lanes} clients")
    waiting = _count(outcomes, lambda kind, how: how in ("503 not_ready", "504 queue_timeout"))
    if waiting and not deaths + front_deaths:
        found.append(f"{waiting} requests found no worker, though none had died")
    full = _count(outcomes, lambda kind, how: how == "429 queue_full" and kind != "deadline")
    if full and not deaths + front_deaths:
        found.append(f"{full} requests found the queue full, though there are fewer clients than places")
    return found


def _is_never_right(key: str) -> bool:
    how = key.partition(": ")[2]
    return not how.startswith("right") and how not in _POSSIBLE


def _count(outcomes: Counter[str], matches: Callable[[str, str], bool]) -> int:
    """Of the requests whose kind and outcome match."""
    return sum(count for key, count in outcomes.items() if matches(*_parts(key)))


def _parts(key: str) -> tuple[str, str]:
    kind, _, how = key.partition(": ")
    return kind, how


def complaints_of_metrics(
    before: Samples, after: Samples, outcomes: Counter[str], strikes: Iterable[Strike]
) -> list[str]:
    """What the server has counted, against what its clients have. Only where the front has lived on."""
    counted = _by(before, after, _REQUESTS, {"route": "/score"}, "status")
    told = _by_status(outcomes)
    leaves = sum(count for key, count in outcomes.items() if key.split(": ")[0] in _COUNTED_LEAVES)
    found = [
        f"status {status}: the server counted {counted[status]}, the clients {told[status]}"
        for status in sorted(counted.keys() | told.keys())
        if not told[status] <= counted[status] <= told[status] + leaves
    ]
    surplus = sum(counted.values()) - sum(told.values())
    if not 0 <= surplus <= leaves:
        found.append(f"the server counted {surplus} requests more than were answered; {leaves} clients had left")
    return found + _complaints_of_restarts(before, after, list(strikes))


def _complaints_of_restarts(before: Samples, after: Samples, strikes: list[Strike]) -> list[str]:
    restarts = _by(before, after, _RESTARTS, {}, "reason")
    deaths = sum(restarts[reason] for reason in _DEATHS)
    least, most = (sum(strike.deaths[side] for strike in strikes) for side in (0, 1))
    if not least <= deaths <= most:
        return [f"{deaths} workers were started again ({dict(restarts)}); the faults ended {least} to {most}"]
    return []


def deaths_between(before: Samples, after: Samples) -> int:
    restarts = _by(before, after, _RESTARTS, {}, "reason")
    return sum(restarts[reason] for reason in _DEATHS)


def _by(before: Samples, after: Samples, name: str, wanted: dict[str, str], label: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for samples, sign in ((after, 1), (before, -1)):
        for (sample, labels), value in samples.items():
            if sample == name and wanted.items() <= dict(labels).items():
                found[dict(labels)[label]] += sign * int(value)
    return found


def _by_status(outcomes: Counter[str]) -> Counter[str]:
    """What was answered under /score, by status. A stream that was cut had had its 200."""
    told: Counter[str] = Counter()
    for key, count in outcomes.items():
        kind, how = key.split(": ", 1)
        status = _STATUS.search(how)
        if how in ("right", "right cut", "cut begun"):
            told["200"] += count
        elif status and kind not in _ELSEWHERE:
            told[status[0]] += count
    return told


def complaints_of_footprints(before: Mapping[str, Footprint], after: Mapping[str, Footprint]) -> list[str]:
    """Descriptors; memory is judged where no fault has struck."""
    if before.keys() != after.keys():
        return [f"there were {', '.join(before)}, and now there are {', '.join(after)}"]
    return [
        f"{name} has {count} more {kind} open than before"
        for name, was in before.items()
        for kind, count in (after[name].descriptors - was.descriptors).items()
    ]


def complaints_of_recovery(strikes: Iterable[Strike], start_s: float, stall_s: float = _STALL_S) -> list[str]:
    """After single deaths, against what it took to start the whole server in the same run: the machine may be busy.

    Once in a round it may even stand still, for `stall_s`; whoever can try again takes none of it.
    """
    most_s = max(1.0, _STARTS * start_s) + stall_s
    return [
        f"{one.name}: {one.whole_after_s:.1f} s until all were ready again; the server starts in {start_s:.1f} s"
        for one in strikes
        if one.single and one.whole_after_s is not None and one.whole_after_s > most_s
    ]


def complaints_of_growth(grown_bytes: Mapping[str, int], requests: int) -> list[str]:
    """Of anonymous memory, in a round without faults: 5 MB in 10^5 requests, or 3 in fewer than 60,000, since
    what an allocator takes at a time is not growth yet.
    """
    if requests < _FEW:
        return []
    most = max(_GROWTH_BYTES * requests / 100_000, _NOISE_BYTES)
    return [
        f"{name} grew by {size / 1e6:.1f} MB in {requests} requests"
        for name, size in grown_bytes.items()
        if size > most
    ]


def complaints_of_log(log: str) -> list[str]:
    """A traceback of the server's own, not of the script's: those carry their worker's name."""
    lines = log.splitlines()
    found = [number for number, line in enumerate(lines) if _OWN_TRACEBACK.match(line)]
    if not found:
        return []
    first = "\n        ".join(lines[found[0] : found[0] + 25])
    return [f"{len(found)} tracebacks of the server's own; the first:\n        {first}"]
