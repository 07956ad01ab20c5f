"""What is read from a server's `/metrics`: the times that its front has taken."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from plimsoll.profiling.advice.stalls import Clocks, longer_than
from plimsoll.profiling.measure.metrics import read_clocks
from support.fixtures import Serve
from support.patience import best_of_three
from support.server import wait_for

SLEEPS = """
    import time
    def init(): pass
    def run(data):
        time.sleep(float(data))
        return data
"""


def test_clocks_of_a_real_server(serve: Serve) -> None:
    server = serve(SLEEPS)

    def clocks() -> Clocks:
        found = read_clocks(server.get("/metrics").body.decode())
        assert found is not None
        return found

    def score() -> None:
        before = clocks()
        server.post("/score", b"0.3")
        server.post("/score", b"0.01")
        gained = clocks().since(before)
        assert [longer_than(times, 0.3) for times in (gained.run, gained.request, gained.loop)] == [1, 1, 0]

    server.post("/score", b"0")
    best_of_three(score)


def test_a_front_that_was_stopped_shows_in_its_own_clock_alone(serve: Serve) -> None:
    server = serve(SLEEPS, "--workers", "2")
    front = server.front().pid

    def stop_while_two_run() -> None:
        before = read_clocks(server.get("/metrics").body.decode())
        with ThreadPoolExecutor() as pool:
            calls = [pool.submit(server.post, "/score", b"0.4") for _ in range(2)]
            wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 2, "two calls under way", patience_s=5)
            os.kill(front, signal.SIGSTOP)
            threading.Timer(0.8, os.kill, (front, signal.SIGCONT)).start()
            assert [call.result().status for call in calls] == [200, 200]
        after = read_clocks(server.get("/metrics").body.decode())
        assert after is not None
        assert before is not None
        gained = after.since(before)
        assert longer_than(gained.loop, 0.6) == 1
        assert longer_than(gained.run, 0.6) == 0

    wait_for(lambda: server.metric("plimsoll_slots") == 2, "the second worker")
    best_of_three(stop_while_two_run)


def test_a_server_without_these_clocks_has_none() -> None:
    assert read_clocks("") is None
    assert read_clocks("# TYPE plimsoll_slots gauge\nplimsoll_slots 1\n") is None
