"""Few file descriptors: fewer connections, and nothing else."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import select
import socket
import time
from collections.abc import Iterator

import psutil
import pytest

from support.fixtures import WriteScript
from support.server import PATIENCE_S, Server, wait_for

ECHO = """
    def init(): pass
    def run(data): return data
"""
LARGE = b"y" * 300_000
"""Travels in a memory file, there and back."""


def limited(soft: int, hard: int) -> str:
    return f"ulimit -Sn {soft}; ulimit -Hn {hard};"


@contextlib.contextmanager
def connections(server: Server, count: int) -> Iterator[list[socket.socket]]:
    """So many at once, of which nothing is heard."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 20)) for _ in range(count)]


def is_refused(connection: socket.socket) -> bool:
    """Whether the answer came that nobody asked for: 503, with its reason."""
    connection.setblocking(False)
    try:
        said = connection.recv(65536)
    except BlockingIOError:
        return False
    assert said.startswith(b"HTTP/1.1 503 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["code"] == "too_many_connections"
    return True


def room_in(server: Server) -> int:
    """For so many connections, as the log says."""
    found = re.search(r"leaves room for (\d+) ", server.log())
    assert found
    return int(found[1])


def refused_of(held: list[socket.socket], least: int) -> list[socket.socket]:
    """Those to which something has come, once no more of them get it: the server may be slow to turn them away."""
    found: list[socket.socket] = []

    def all_are_found() -> bool:
        before = len(found)
        time.sleep(0.2)
        found[:] = [one for one in held if select.select([one], [], [], 0)[0]]
        return least <= len(found) == before

    wait_for(all_are_found, f"the refusal of {least} connections")
    return found


def post(connection: socket.socket, body: bytes) -> bytes:
    connection.settimeout(PATIENCE_S)
    connection.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response.read()


def test_connections_give_way_and_large_bodies_still_travel(write_script: WriteScript) -> None:
    with Server(write_script(ECHO), "--head-timeout", "60", before=limited(512, 512)) as server:
        server.wait_log("the limit of 512 open files (ulimit -n) leaves room for ")
        with connections(server, 450) as held:
            over = refused_of(held, len(held) - room_in(server))
            assert all(map(is_refused, over))
            taken = [one for one in held if one not in over]
            assert 200 < len(taken) < 400
            for one in (taken[0], taken[-1], taken[0]):
                assert post(one, LARGE) == b'"' + LARGE + b'"'
        wait_for(server.is_ready, "free connections")
        assert server.metric("plimsoll_requests_total", outcome="too_many_connections", status="503") > 0
        server.wait_log("refused with 503 too_many_connections: The connection limit is reached.")
        assert len(server.workers()) == 1
        assert server.metric("plimsoll_worker_restarts_total") == 0


def test_refused_clients_that_stay_hold_few_descriptors(write_script: WriteScript) -> None:
    """They are heard out after their answer, so that it arrives; but not more of them than there is room for."""
    with Server(write_script(ECHO), "--max-connections", "16", "--keep-alive", "60") as server:
        open_before = server.front().num_fds()
        with connections(server, 16) as taken, connections(server, 40) as over:
            wait_for(lambda: all(select.select([one], [], [], 0)[0] for one in over), "their answers")
            assert all(map(is_refused, over))
            assert server.front().num_fds() <= open_before + 16 + 16 // 8 + 1
            assert post(taken[0], b"1") == b'"1"'


def test_a_flood_of_connections_loses_no_call_that_was_accepted(write_script: WriteScript) -> None:
    """Waves of connections far over the cap, while one client sends large bodies all the time."""
    with Server(write_script(ECHO), before=limited(512, 512)) as server:
        with connections(server, 1) as (mine,):
            for wave in range(5):
                with connections(server, 450):
                    body = b"%d" % wave + LARGE
                    assert post(mine, body) == b'"' + body + b'"'
        wait_for(server.is_ready, "free connections")
        assert server.metric("plimsoll_queue_length") == 0
        assert server.metric("plimsoll_requests_in_flight") == 0


def test_the_front_raises_its_limit_and_the_script_keeps_the_one_that_was_given(write_script: WriteScript) -> None:
    with Server(write_script(ECHO), "--max-connections", "500", before=limited(300, 1000)) as server:
        assert server.front().rlimit(psutil.RLIMIT_NOFILE) == (1000, 1000)
        (worker,) = server.workers()
        assert worker.rlimit(psutil.RLIMIT_NOFILE) == (300, 1000)
        assert "open files (ulimit -n)" not in server.log()


@pytest.mark.parametrize("limit", [30, 100])
def test_too_few_for_one_connection_is_said_at_once(write_script: WriteScript, limit: int) -> None:
    with Server(write_script(ECHO), before=limited(limit, limit), wait=False) as server:
        assert server.wait_exit() == 3
        last = server.log().splitlines()[-1]
    assert last.startswith(f"plimsoll: error: {limit} open files are too few for 1 worker(s) of 1 thread(s)")
    assert "ulimit -n" in last
