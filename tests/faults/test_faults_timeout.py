"""A call over the scoring timeout is really stopped, and nobody else is."""

from __future__ import annotations

import re
import threading
import time

import pytest

from support.fixtures import Serve
from support.server import Reply, Server, wait_for

# Each holds the only thing a gentler server would need: `regex` computes in C with the GIL held, `gil` sleeps in
# C with the GIL held (again and again, since the signal that dumps the stacks ends one sleep), `sleep` lets go of it.
HANGING = """
    import ctypes, json, re, time
    def init(): pass
    def run(data):
        order = json.loads(data)
        if order == "regex": re.match("(a+)+$", "a" * 64 + "b")
        if order == "gil": [ctypes.PyDLL(None).sleep(10**6) for _ in range(10**6)]
        if order == "sleep": time.sleep(10**6)
        return order
"""


_TIMEOUT_MS = "2500"
"""Above what a machine that stands still for a while adds to a call that takes no time."""


def in_background(server: Server, body: bytes) -> tuple[threading.Thread, list[Reply]]:
    replies: list[Reply] = []
    thread = threading.Thread(target=lambda: replies.append(server.post("/score", body)))
    thread.start()
    return thread, replies


@pytest.mark.parametrize("hang", ["regex", "gil", "sleep"])
def test_a_hang_answers_504_dumps_its_stack_and_is_replaced(serve: Serve, hang: str) -> None:
    server = serve(HANGING, "--scoring-timeout-ms", _TIMEOUT_MS)
    before = server.workers()[0].pid
    reply = server.post("/score", f'"{hang}"'.encode())
    assert reply.status == 504
    assert reply.json()["message"] == f"Scoring timeout after {_TIMEOUT_MS} ms"
    assert reply.json()["code"] == "scoring_timeout"
    assert server.post("/score", b'"fine"').json() == "fine"
    assert server.workers()[0].pid != before
    wait_for(lambda: re.search(r'score.py", line \d+ in run', server.log()), "the Python stack of the stuck call")
    assert server.metric("plimsoll_worker_restarts_total", reason="scoring_timeout") == 1


def test_calls_of_other_threads_of_the_stuck_worker_are_answered(serve: Serve) -> None:
    server = serve(
        """
        import os, time
        def init(): pass
        def run(data):
            while data == "stuck" or not os.path.exists("go"):
                time.sleep(0.01)
            return data
        """,
        *("--scoring-timeout-ms", "4000", "--threads", "2"),
    )
    stuck, stuck_replies = in_background(server, b"stuck")
    wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 1, "the stuck call")
    time.sleep(2.0)  # so that the other one's own timeout comes so much later
    beside, beside_replies = in_background(server, b"beside")
    stuck.join()
    (server.script.parent / "go").touch()  # it still ran when the first one timed out
    beside.join()
    assert [reply.status for reply in stuck_replies] == [504]
    assert [reply.status for reply in beside_replies] == [200]


def test_calls_waiting_behind_a_stuck_worker_are_answered_by_the_next_one(serve: Serve) -> None:
    server = serve(HANGING, "--scoring-timeout-ms", _TIMEOUT_MS)
    stuck, stuck_replies = in_background(server, b'"regex"')
    wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 1, "the stuck call")
    waiting = [in_background(server, b"%d" % number) for number in range(4)]
    for thread, _ in waiting:
        thread.join()
    stuck.join()
    assert stuck_replies[0].status == 504
    assert [replies[0].json() for _, replies in waiting] == [0, 1, 2, 3]


def test_probes_answer_while_every_slot_holds_the_gil(serve: Serve) -> None:
    server = serve(HANGING, "--workers", "2", "--scoring-timeout-ms", "6000")
    stuck = [in_background(server, b'"regex"') for _ in range(2)]
    wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 2, "two stuck calls")
    for path in ("/", "/health/live", "/health/ready", "/metrics"):
        assert server.get(path).status == 200
    for thread, replies in stuck:
        thread.join()
        assert replies[0].status == 504


def test_a_call_that_waits_too_long_for_a_slot_is_never_run(serve: Serve) -> None:
    server = serve(
        """
        import time
        def init(): pass
        def run(data):
            print("ran", data)
            time.sleep(1.0)
            return data
        """,
        *("--scoring-timeout-ms", "3000", "--grace-seconds", "0.2"),
    )
    calls = [in_background(server, b'"%d"' % number) for number in range(9)]  # 9 s of work, 6.2 s of patience
    for thread, _ in calls:
        thread.join()
    statuses = [replies[0].status for _, replies in calls]
    refused = [replies[0] for _, replies in calls if replies[0].status == 504]
    assert set(statuses) == {200, 504}
    assert {reply.json()["code"] for reply in refused} == {"queue_timeout"}
    wait_for(lambda: server.log().count("] ran") >= statuses.count(200), "the lines of the calls that were run")
    assert server.log().count("] ran") == statuses.count(200)
    assert len(server.workers()) == 1
