"""A worker that dies takes one call with it, nobody else's, and is replaced."""

from __future__ import annotations

import psutil
import pytest

from support.fixtures import Serve
from support.living import living
from support.load import Load
from support.server import Reply, wait_for

ECHO = """
    import json
    def init(): pass
    def run(data): return json.loads(data)
"""
FAILING = """
    import ctypes, json, os
    def init(): pass
    def run(data):
        order = json.loads(data)
        if order == "exit": os._exit(5)
        if order == "segfault": ctypes.string_at(0)
        return order
"""


@pytest.mark.parametrize(
    ("order", "reason"),
    [("exit", "exited with code 5"), ("segfault", "was killed by signal 11 (SIGSEGV)")],
)
def test_a_dead_worker_answers_502_with_its_ending(serve: Serve, order: str, reason: str) -> None:
    server = serve(FAILING)
    reply = server.post("/score", f'"{order}"'.encode())
    assert reply.status == 502
    assert reply.json()["message"] == f"The model worker that ran this request {reason}."
    assert reply.json()["code"] == "worker_died"
    assert reply.headers["x-ms-run-function-failed"] == "True"
    assert server.post("/score", b'"fine"').json() == "fine"
    server.wait_log(reason)


def test_a_segfault_leaves_its_python_stack_in_the_log(serve: Serve) -> None:
    server = serve(FAILING)
    server.post("/score", b'"segfault"')
    server.wait_log("Fatal Python error: Segmentation fault")
    server.wait_log("score.py")


def test_kill_9_under_load_costs_at_most_the_running_calls(serve: Serve) -> None:
    kills, workers = 5, 2
    server = serve(ECHO, "--workers", str(workers))
    with Load(server.port, clients=16) as load:
        killed: set[psutil.Process] = set()
        for _ in range(kills):
            load.wait_sent(200)
            # One that is still dying looks alive, and the newest may not serve yet.
            alive = wait_for(lambda: len(left := set(server.workers()) - killed) == workers and left, "both alive")
            killed.add(victim := min(alive, key=psutil.Process.create_time))
            victim.kill()
        load.wait_sent(400)
    assert load.wrong == []
    assert sum(load.outcomes.values()) == load.sent
    assert set(load.outcomes) <= {"200", "502"}
    assert load.outcomes["502"] <= kills  # one slot, one running call
    wait_for(lambda: server.metric("plimsoll_worker_restarts_total", reason="signal") == kills, "the last restart")


def test_the_health_probe_says_why_while_a_worker_keeps_dying(serve: Serve) -> None:
    server = serve(FAILING)
    for _ in range(5):
        server.post("/score", b'"exit"')

    def refused() -> Reply | None:
        """The next start is soon, and may be over before anybody has looked: then the worker dies once more."""
        if (found := server.get("/health/ready")).status == 503:
            return found
        server.post("/score", b'"exit"')
        return None

    reply = wait_for(refused, "a readiness of 503")
    assert "exited with code 5" in reply.json()["reason"]
    assert server.get("/health/live").status == 200
    server.wait_ready()  # it is tried again, more slowly


HANG = """
    import re
    def init(): pass
    def run(data):
        re.match("(a+)+$", "a" * 64 + "b")  # computes in C for ever and never lets go of the GIL
"""


def test_nothing_outlives_a_master_that_is_killed(serve: Serve) -> None:
    server = serve(HANG, "--workers", "2")
    # Front, two workers, and the guardian, which ends last.
    tree = wait_for(lambda: len(found := server.tree()) == 4 and found, "all processes")
    with Load(server.port, clients=2) as load:
        wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 2, "both workers stuck")
        server.process.kill()
        wait_for(lambda: not living(tree), "end of front and workers")
        load.stop()


def test_a_killed_front_takes_its_workers_along_and_is_replaced(serve: Serve) -> None:
    server = serve(HANG, "--workers", "2")
    front, workers = server.front(), server.workers()
    with Load(server.port, clients=2) as load:
        wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 2, "both workers stuck")
        load.stop()
        front.kill()
        wait_for(lambda: not living(workers), "end of the workers")
    server.wait_ready()
    wait_for(lambda: len(server.workers()) == 2, "both workers")
