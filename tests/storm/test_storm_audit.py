"""The reckoning of the storm complains of everything that it is there to see: made-up accounts with one fault each."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from storm import audit
from storm.clients import outcome
from storm.injector import Strike
from storm.requests import Request
from storm.scene import Footprint
from storm.wire import Answer

KILL = Strike("kill", (1, 1), 0, 1, True, 0.3, None)
ASKED = Request("echo", b"", b"", b"mine")


def labels(**given: str) -> frozenset[tuple[str, str]]:
    return frozenset(given.items())


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (200, b"mine", "right"),
        (200, b"yours", "wrong 200"),
        (200, b"minemine", "wrong 200"),
        (200, b"", "wrong 200"),
        (201, b"mine", "wrong 201"),
        (502, b'{"code": "worker_died"}', "502 worker_died"),
        (500, b"Internal Server Error", "wrong 500 without a reason"),
        (500, b"[]", "wrong 500 without a reason"),
    ],
)
def test_what_an_answer_is_taken_for(status: int, body: bytes, found: str) -> None:
    assert outcome(ASKED, Answer(status, [body])) == found


@pytest.mark.parametrize(
    "bad",
    [
        {"echo: wrong 200": 1},
        {"echo: silence": 1},
        {"echo: refused": 1},
        {"echo: 500 script_failed": 1},
        {"echo: 502 worker_died": 3},
        {"stream: cut begun": 3},
        {"echo: cut": 1},
        {"fail: cut begun": 1},
    ],
)
def test_what_no_client_may_see(bad: dict[str, int]) -> None:
    good = Counter({"echo: right": 100, "echo: left": 3, "fail: right 500 script_failed": 5})
    assert audit.complaints_of_clients(good, 2, [KILL, KILL], lanes=8, per_death=1) == []
    assert len(audit.complaints_of_clients(good + Counter(bad), 2, [KILL, KILL], lanes=8, per_death=1)) == 1


@pytest.mark.parametrize(
    "bad", ["echo: 503 not_ready", "echo: 429 queue_full", "echo: 502 worker_broke", "echo: 502 answer_lost"]
)
def test_what_may_be_seen_only_where_something_has_died(bad: str) -> None:
    outcomes = Counter({bad: 1})
    assert audit.complaints_of_clients(outcomes, 1, [KILL], lanes=8, per_death=1) == []
    assert len(audit.complaints_of_clients(outcomes, 0, [], lanes=8, per_death=1)) == 1


@pytest.mark.parametrize(
    ("counted", "restarts", "complaints"),
    [(12, 1, 0), (14, 1, 0), (11, 1, 2), (15, 1, 2), (12, 0, 1), (12, 2, 1)],
    ids=["exactly", "all who left", "one too few", "one too many", "no restart", "a restart too many"],
)
def test_the_metrics_must_agree_with_the_clients(counted: int, restarts: int, complaints: int) -> None:
    outcomes = Counter(
        {"echo: right": 10, "break_off: right cut": 1, "stream: cut begun": 1, "nowhere: right 404 x": 9}
    )
    outcomes += Counter({"leave_waiting: left": 2, "leave_connected: left": 7})
    after = {
        ("plimsoll_requests_total", labels(route="/score", outcome="ok", status="200")): float(100 + counted),
        ("plimsoll_worker_restarts_total", labels(reason="signal")): float(restarts),
    }
    before = {("plimsoll_requests_total", labels(route="/score", outcome="ok", status="200")): 100.0}
    assert len(audit.complaints_of_metrics(before, after, outcomes, [KILL])) == complaints


def test_descriptors_that_are_left_open() -> None:
    before = {"front": Footprint(Counter({"socket": 5, "/memfd:plimsoll-frame (deleted)": 0}), 0, 1)}
    fewer = {"front": Footprint(Counter({"socket": 4}), 0, 1)}
    more = {"front": Footprint(Counter({"socket": 5, "/memfd:plimsoll-frame (deleted)": 2}), 0, 1)}
    assert audit.complaints_of_footprints(before, fewer) == []
    assert audit.complaints_of_footprints(before, more) == [
        "front has 2 more /memfd:plimsoll-frame (deleted) open than before"
    ]
    assert len(audit.complaints_of_footprints(before, {})) == 1


def test_a_recovery_that_takes_too_long_for_this_machine() -> None:
    slow, in_a_row = replace(KILL, whole_after_s=1.6), replace(KILL, whole_after_s=9.0, single=False)
    assert len(audit.complaints_of_recovery([KILL, slow, in_a_row], start_s=0.4, stall_s=0.0)) == 1
    assert audit.complaints_of_recovery([KILL, slow, in_a_row], start_s=0.6, stall_s=0.0) == []
    assert audit.complaints_of_recovery([KILL, slow, in_a_row], start_s=0.4) == []
    assert len(audit.complaints_of_recovery([KILL, replace(KILL, whole_after_s=5.0)], start_s=0.4)) == 1


def test_growth_is_counted_by_request_and_by_process() -> None:
    grown = {"front": 4_900_000, "worker 0": 5_100_000}
    assert audit.complaints_of_growth(grown, 100_000) == ["worker 0 grew by 5.1 MB in 100000 requests"]
    assert len(audit.complaints_of_growth(grown, 50_000)) == 2
    assert audit.complaints_of_growth({"front": 2_900_000}, 5_000) == []
    assert len(audit.complaints_of_growth({"front": 3_100_000}, 5_000)) == 1


def test_tracebacks_of_the_server_not_of_the_script() -> None:
    scripts = "2026-01-01 00:00:00,000 I [1] plimsoll.stderr - [worker-0 x] Traceback (most recent call last):\n"
    assert audit.complaints_of_log(scripts) == []
    assert len(audit.complaints_of_log(scripts + "Traceback (most recent call last):\n  File …\n")) == 1
    assert len(audit.complaints_of_log("2026-01-01 00:00:00,000 E [1] asyncio - Exception in callback\n")) == 1
