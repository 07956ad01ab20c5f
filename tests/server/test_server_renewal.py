"""Workers are replaced while they live, and no request fails for it."""

from __future__ import annotations

import http.client
import signal
import threading
import time
from pathlib import Path

import pytest

from support.fixtures import Serve
from support.load import Load
from support.server import Server, wait_for

ECHO = """
    import json
    def init(): pass
    def run(data): return json.loads(data)
"""


def wait_all_ready(server: Server, count: int) -> None:
    wait_for(lambda: server.metric("plimsoll_workers", state="ready") == count, f"{count} ready workers")


def script_of(server: Server) -> Path:
    return server._log_path.parent / "score.py"


def test_sighup_brings_a_new_script_without_a_failed_request(serve: Serve) -> None:
    server = serve(ECHO, "--workers", "2")
    wait_all_ready(server, 2)
    before = {worker.pid for worker in server.workers()}
    front = server.front().pid
    with Load(server.port, clients=8) as load:
        load.wait_sent(100)
        script_of(server).write_text(
            "import json\ndef init(): print('second edition')\ndef run(data): return json.loads(data)\n"
        )
        server.signal(signal.SIGHUP)
        wait_for(lambda: server.log().count("second edition") == 2, "two new workers")
        wait_for(lambda: len(server.workers()) == 2, "end of the old workers")
        load.wait_sent(100)
    assert set(load.outcomes) == {"200"}
    assert load.wrong == []
    assert before.isdisjoint(worker.pid for worker in server.workers())
    assert server.front().pid == front
    assert server.metric("plimsoll_worker_restarts_total", reason="reload") == 2


def test_a_broken_new_script_leaves_the_old_one_in_office(serve: Serve) -> None:
    server = serve(ECHO, "--workers", "2")
    wait_all_ready(server, 2)
    before = {worker.pid for worker in server.workers()}
    script_of(server).write_text("def init(): raise ValueError('second edition')\ndef run(data): pass\n")
    server.signal(signal.SIGHUP)
    server.wait_log("which stays: User's init function failed")
    assert server.post("/score", b"1").json() == 1
    assert server.is_ready()
    wait_for(lambda: {worker.pid for worker in server.workers()} == before, "only the old workers")


def test_workers_are_recycled_after_so_many_requests(serve: Serve) -> None:
    server = serve(ECHO, "--max-requests", "50")
    first = server.workers()[0].pid
    with Load(server.port, clients=4) as load:
        wait_for(lambda: server.metric("plimsoll_worker_restarts_total", reason="max_requests") >= 2, "two recyclings")
    assert set(load.outcomes) == {"200"}
    wait_for(lambda: first not in [worker.pid for worker in server.workers()], "the end of the first")


def test_a_worker_that_grows_is_recycled(serve: Serve) -> None:
    server = serve(
        """
        kept = []
        def init(): pass
        def run(data):
            kept.append(b"x" * 20_000_000)
            return len(kept)
        """,
        *("--max-memory", "150"),
    )
    assert [server.post("/score", b"1").json() for _ in range(3)] == [1, 2, 3]
    wait_for(lambda: server.post("/score", b"1").json() == 1, "a fresh worker")
    server.wait_log("is replaced: max_memory")


def test_a_stream_outlives_the_replacement_of_its_worker(serve: Serve) -> None:
    server = serve("""
        import os, time
        def init(): pass
        def run(data):
            while not os.path.exists("go"):
                yield "more,"
                time.sleep(0.1)
            yield "end"
    """)
    bodies: list[bytes] = []
    client = threading.Thread(target=lambda: bodies.append(server.post("/score", b"1").body))
    client.start()
    wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 1, "a running stream")
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.metric("plimsoll_worker_restarts_total", reason="reload") == 1, "the replacement")
    script_of(server).with_name("go").touch()
    client.join()
    (body,) = bodies
    assert body.endswith(b"more,end")
    assert body.count(b"more,") * 5 + 3 == len(body)


def test_the_generator_of_a_client_that_left_is_closed(serve: Serve) -> None:
    server = serve("""
        import itertools, time
        def init(): pass
        def run(data):
            try:
                for number in itertools.count():
                    yield f"{number}\\n"
                    time.sleep(0.01)
            finally:
                print("generator closed")
    """)
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    client.request("POST", "/score", b"1")
    assert client.getresponse().read(2) == b"0\n"
    client.close()
    server.wait_log("generator closed")
    wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 0, "a free slot")
    gone = {"outcome": "client_gone", "status": "200"}
    wait_for(lambda: server.metric("plimsoll_requests_total", **gone) == 1, "its outcome")


def test_a_client_that_reads_slowly_does_not_fill_the_front(serve: Serve) -> None:
    server = serve("""
        def init(): pass
        def run(data):
            for _ in range(3000):
                yield bytes(100_000)
    """)
    front = server.front()
    before = front.memory_info().rss
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    client.request("POST", "/score", b"1")
    response = client.getresponse()
    response.read(10)
    time.sleep(1)
    assert front.memory_info().rss - before < 60_000_000  # of 300 MB that the script would produce
    assert 10 + len(response.read()) == 300_000_000
    client.close()


def test_a_stream_may_take_longer_than_the_timeout_but_not_stop_for_so_long(serve: Serve) -> None:
    server = serve(
        """
        import json, time
        def init(): pass
        def run(data):
            for pause in json.loads(data):
                time.sleep(pause)
                yield f"{pause},"
        """,
        *("--scoring-timeout-ms", "3000"),
    )
    assert server.post("/score", b"[0.9, 0.9, 0.9, 0.9]").body == b"0.9,0.9,0.9,0.9,"
    cut = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    cut.request("POST", "/score", b"[0.1, 100]", {"Content-Type": "application/json"})
    with pytest.raises(http.client.IncompleteRead) as caught:
        cut.getresponse().read()
    assert caught.value.partial == b"0.1,"
    cut.close()
    wait_for(lambda: server.metric("plimsoll_requests_total", outcome="stream_broken") == 1, "its outcome")
    assert server.post("/score", b"[0]").body == b"0,"
