"""Scripts that lay hands on their own worker: descriptors closed, signals taken over, ties to the front cut."""

from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from support.families import wait_all_ended
from support.fixtures import Serve
from support.server import Reply, wait_for

CLOSING = """
    import json, os, socket, time

    def init(): pass

    def run(data):
        order, *rest = json.loads(data)
        if order == "close": os.closerange(3, 256)
        if order == "close all": os.closerange(0, 256)
        if order == "close and open":
            os.closerange(3, 256)
            global kept
            kept = [open("/dev/null") for _ in range(5)] + [socket.socket() for _ in range(20)]
        if order == "slow": time.sleep(3)
        return rest
"""


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("order", ["close", "close all", "close and open"])
def test_closing_the_workers_descriptors_costs_that_worker_and_no_more(serve: Serve, order: str, threads: int) -> None:
    server = serve(CLOSING, "--threads", str(threads))  # the scoring timeout is the default: one hour
    slow = 1 if threads > 1 else 0  # and one more thread, which waits for a call
    with ThreadPoolExecutor(threads) as clients:
        beside = [clients.submit(server.post, "/score", b'["slow", %d]' % number) for number in range(slow)]
        wait_for(lambda: server.metric("plimsoll_requests_in_flight") == slow, "the slow call")
        reply = server.post("/score", json.dumps([order]).encode())
        assert reply.status == 502
        assert reply.json()["code"] == "worker_died"
        for number, other in enumerate(beside):
            assert _is_own_answer_or_502(other.result(), number)
    for number in range(20):
        assert server.post("/score", b'["fast", %d]' % number).json() == [number]
    assert server.metric("plimsoll_worker_restarts_total") == 1


def _is_own_answer_or_502(reply: Reply, number: int) -> bool:
    return reply.status == 502 or reply.json() == [number]


def test_the_log_says_what_a_script_may_have_done_to_its_descriptors(serve: Serve) -> None:
    server = serve(CLOSING)
    server.post("/score", b'["close"]')
    server.wait_log("has the script closed descriptors that it had not opened?")


SIGNALS = """
    import ctypes, json, os, signal, time

    def init():
        for name in ("TERM", "INT", "HUP", "USR1", "CHLD"): signal.signal(signal.Signals[f"SIG{name}"], signal.SIG_IGN)
        signal.signal(signal.SIGQUIT, HANDLERS[os.environ["QUIT"]])
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGQUIT})
        ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)  # no longer dies with its parent

    HANDLERS = {"default": signal.SIG_DFL, "ignored": signal.SIG_IGN, "replaced": lambda number, frame: None}

    def run(data):
        if data == "hang": time.sleep(300)
        return os.getpid()
"""


@pytest.mark.parametrize("handler", ["default", "ignored", "replaced"])
def test_a_script_deaf_to_signals_is_stopped_all_the_same(serve: Serve, handler: str) -> None:
    server = serve(SIGNALS, "--scoring-timeout-ms", "3500", "--grace-seconds", "1", env={"QUIT": handler})
    first = psutil.Process(server.post("/score", b"").json())
    assert server.post("/score", b"hang").status in (502, 504)
    wait_all_ended([first], "the stuck worker")
    second = psutil.Process(server.post("/score", b"").json())
    server.signal(signal.SIGHUP)
    wait_all_ended([second], "the replaced worker")
    third = psutil.Process(server.post("/score", b"").json())
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    wait_all_ended([third], "the last worker")


@pytest.mark.parametrize("who", ["front", "master"])
def test_a_worker_that_has_cut_its_tie_ends_with_whoever_is_killed(serve: Serve, who: str) -> None:
    server = serve(SIGNALS, env={"QUIT": "ignored"})
    worker = psutil.Process(server.post("/score", b"").json())
    with ThreadPoolExecutor(1) as client:
        hanging = client.submit(server.post, "/score", b"hang")
        wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 1, "the call that hangs")
        (server.front() if who == "front" else psutil.Process(server.process.pid)).kill()
        assert isinstance(hanging.exception(), OSError)
    wait_all_ended([worker], "the worker")
