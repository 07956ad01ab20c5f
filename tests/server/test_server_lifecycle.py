"""Start, readiness and shutdown."""

from __future__ import annotations

import contextlib
import http.client
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from plimsoll.server.http.limits import FIRST_BYTE_S
from support.fixtures import Serve, WriteScript
from support.living import living
from support.load import Load
from support.server import PATIENCE_S, Reply, Server, wait_for

ECHO = """
    import json
    def init(): pass
    def run(data): return json.loads(data)
"""
_DRAIN_S = "5"
"""Long enough for a few requests after the signal on a machine that stands still meanwhile."""
WAITING = """
    import os, time
    def init():
        while not os.path.exists({flag!r}): time.sleep(0.01)
    def run(data): return "ran"
"""


def test_the_port_answers_while_the_model_loads(serve: Serve, tmp_path: Path) -> None:
    flag = tmp_path / "loaded"
    server = serve(WAITING.format(flag=str(flag)), wait=False)
    wait_for(lambda: _live(server), "liveness")
    ready = server.get("/health/ready")
    assert (ready.status, ready.json()["reason"]) == (503, "the model is loading")
    assert server.get("/").body == b"Healthy"
    replies: list[Reply] = []
    early = threading.Thread(target=lambda: replies.append(server.post("/score", b"1")))
    early.start()
    wait_for(lambda: server.metric("plimsoll_queue_length") == 1, "a queued call")
    flag.touch()
    early.join()
    assert replies[0].json() == "ran"
    assert server.get("/health/ready").status == 200


def test_init_runs_once_per_worker(serve: Serve) -> None:
    server = serve(
        """
        def init(): print("init ran")
        def run(data): return 1
        """,
        *("--workers", "3", "--threads", "2"),
    )
    wait_for(lambda: server.get("/health/ready").body.count(b'"ready"') == 4, "three ready workers")
    for _ in range(12):
        server.post("/score", b"1")
    wait_for(lambda: server.log().count("init ran") >= 3, "the lines of three workers")
    assert server.log().count("init ran") == 3


def test_sigterm_ends_with_code_0_after_the_calls_under_way(serve: Serve) -> None:
    server = serve("""
        import os, time
        def init(): pass
        def run(data):
            while not os.path.exists("go"): time.sleep(0.01)
            return "whole"
    """)
    replies: list[Reply] = []
    client = threading.Thread(target=lambda: replies.append(server.post("/score", b"1")))
    client.start()
    wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 1, "a running call")
    tree = server.tree()
    server.signal(signal.SIGTERM)
    wait_for(lambda: not server.is_ready(), "the beginning of the end")
    (server.script.parent / "go").touch()
    assert server.wait_exit() == 0
    client.join()
    assert replies[0].json() == "whole"
    assert not living(tree)


def test_readiness_falls_before_the_port_closes(serve: Serve) -> None:
    server = serve(ECHO, "--drain-seconds", _DRAIN_S)
    server.signal(signal.SIGTERM)
    reply = wait_for(lambda: (found := server.get("/health/ready")).status == 503 and found, "a readiness of 503")
    assert reply.json()["reason"] == "the server is shutting down"
    answer = server.post("/score", b"1")
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert server.wait_exit() == 0


def test_sigterm_under_load_fails_no_request(serve: Serve) -> None:
    server = serve(ECHO, "--drain-seconds", _DRAIN_S)
    with Load(server.port, clients=8) as load:
        load.wait_sent(200)
        server.signal(signal.SIGTERM)
        wait_for(lambda: server.get("/health/ready").status == 503, "draining")
        load.stop()  # a load balancer that honours readiness sends no more
    assert server.wait_exit() == 0
    assert set(load.outcomes) == {"200"}
    assert load.wrong == []


def test_a_client_that_has_just_connected_is_heard(serve: Serve) -> None:
    """As of a load balancer that makes a connection for each request: it does not send a POST for a second time."""
    for _ in range(3):
        silent_s, answer = _asked_after_the_stop(serve(ECHO))
        if silent_s < _TOO_LATE_S:
            break
    assert answer == b"1"


_TOO_LATE_S = FIRST_BYTE_S - 0.2
"""Who has connected and says nothing for about so long is given up, be it that the machine stood still: no verdict."""


def _asked_after_the_stop(server: Server) -> tuple[float, bytes]:
    """How long the client was silent after the signal, and its answer."""
    answer = b""
    with (
        socket.create_connection(("127.0.0.1", server.port)) as early,
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as late,
    ):
        late.connect()
        # Both are known to the server now: connections are taken in the order in which they came.
        assert server.get("/health/ready").status == 200
        server.signal(signal.SIGTERM)
        stopped = time.monotonic()
        silent_s = FIRST_BYTE_S
        wait_for(lambda: _refuses(server), "a closed port")
        with contextlib.suppress(OSError, http.client.HTTPException):
            late.request("POST", "/score", b"1", {"content-type": "application/json"})
            silent_s = time.monotonic() - stopped
            answer = late.getresponse().read()
        assert early.recv(1) == b"", "who says nothing is not waited for"
    assert server.wait_exit() == 0
    return silent_s, answer


def _refuses(server: Server) -> bool:
    """Without waiting for the second SYN of a handshake that is not answered: it comes after a second, too late."""
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=0.05).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def test_whoever_is_just_connecting_is_heard_or_finds_the_port_closed(serve: Serve) -> None:
    """Not even a client in whose handshake the stop falls sends a request for nothing."""
    server, over = serve(ECHO), threading.Event()
    outcomes: Counter[str] = Counter()
    clients = [threading.Thread(target=_connect_again_and_again, args=(server.port, over, outcomes)) for _ in range(8)]
    for client in clients:
        client.start()
    wait_for(lambda: outcomes["200"] > 300, "a load")
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    over.set()
    for client in clients:
        client.join()
    assert set(outcomes) <= {"200", "refused", "too late"}


_POST_ON_ITS_OWN = b"POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1"


def _connect_again_and_again(port: int, over: threading.Event, outcomes: Counter[str]) -> None:
    """A connection for each request."""
    while not over.is_set():
        began = time.monotonic()
        try:
            client = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        except ConnectionRefusedError:
            outcomes["refused"] += 1
            return
        with client:
            try:
                try:
                    client.sendall(_POST_ON_ITS_OWN)
                finally:
                    is_late = time.monotonic() - began > _TOO_LATE_S
                outcome = client.recv(100)[9:12].decode() or "no answer"
            except OSError as error:
                outcome = type(error).__name__
            outcomes["too late" if is_late and outcome != "200" else outcome] += 1


def test_a_worker_that_ignores_the_end_is_killed_after_the_grace_period(serve: Serve) -> None:
    server = serve(
        """
        import threading, time
        def init(): threading.Thread(target=time.sleep, args=(10**6,)).start()  # keeps the interpreter from ending
        def run(data): return 1
        """,
        *("--grace-seconds", "0.5"),
    )
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    server.wait_log("did not end within the grace period")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_loading_server_ends_at_once(serve: Serve, tmp_path: Path, number: signal.Signals) -> None:
    server = serve(WAITING.format(flag=str(tmp_path / "never")), wait=False)
    wait_for(lambda: _live(server), "liveness")
    server.signal(number)
    assert server.wait_exit() == 0


def test_the_same_port_can_be_used_again_at_once(write_script: WriteScript) -> None:
    script = write_script(ECHO)
    with Server(script) as first:
        first.post("/score", b"1")
        port = first.port
    with Server(script, "--port", str(port), wait=False) as second:
        second.port = port
        second.wait_ready()


def _live(server: Server) -> bool:
    try:
        return server.get("/health/live").status == 200
    except OSError:
        return False


_SLOW_FRONT = """
import os, sys, time
def hear(event, arguments):
    if event == "import" and arguments[0] == "plimsoll.server.front.serving":
        open({marker!r}, "w").close()
        while not os.path.exists({marker!r} + "-go"): time.sleep(0.01)
sys.addaudithook(hear)
"""


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[Server]:
    """A server whose front is forked, and imports until `let_import`."""
    marker = tmp_path / "imports"
    (tmp_path / "sitecustomize.py").write_text(_SLOW_FRONT.format(marker=str(marker)))
    (tmp_path / "score.py").write_text(dedent(ECHO))
    with Server(tmp_path / "score.py", env={"PYTHONPATH": str(tmp_path)}, wait=False) as server:
        wait_for(marker.exists, "the imports of the front")
        yield server


def let_import(server: Server) -> None:
    """A moment after the signal, which the master is to hear before."""
    time.sleep(0.5)
    (server.script.parent / "imports-go").touch()


def test_a_reload_before_anything_is_loaded_does_no_harm(starting: Server) -> None:
    front = starting.front().pid
    starting.process.send_signal(signal.SIGHUP)
    let_import(starting)
    wait_for(starting.is_ready, "readiness")
    assert starting.front().pid == front
    starting.process.send_signal(signal.SIGHUP)
    wait_for(lambda: starting.metric("plimsoll_worker_restarts_total", reason="reload") == 1, "a reload")


def test_a_stop_before_anything_is_loaded_is_one(starting: Server) -> None:
    starting.process.terminate()
    let_import(starting)
    assert starting.process.wait(PATIENCE_S) == 0
    assert "Traceback" not in starting.log()
