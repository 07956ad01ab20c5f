"""Whoever reads the log may stop, leave or have no room: the server answers all the same, and ends with 0."""

from __future__ import annotations

import http.client
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from support.fixtures import WriteScript
from support.server import Server, wait_for

CHATTY = """
    import sys
    def init(): pass
    def run(data):
        print("out", data, "x" * 200)
        print("err", data, file=sys.stderr)
        return data
"""


def post_many(server: Server, count: int, mark: str = "r" * 80) -> None:
    """One connection, one request after the other; every answer is its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    for number in range(count):
        connection.request("POST", "/score", str(number), {"x-request-id": f"{mark}-{number}"})
        assert connection.getresponse().read() == b'"%d"' % number
    connection.close()


@contextmanager
def stalled(script: WriteScript, *flags: str) -> Iterator[tuple[Server, int]]:
    """A server whose stdout is a pipe, and the end of it that nobody reads yet."""
    reader, writer = os.pipe()
    with Server(script(CHATTY), *flags, stdout=writer) as server:
        os.close(writer)
        yield server, reader
    os.close(reader)


def dropped(server: Server) -> float:
    return server.metric("plimsoll_log_lines_dropped_total", stream="stdout")


def test_a_reader_that_stands_still_stops_nothing_and_is_served_again_when_it_comes_back(
    write_script: WriteScript,
) -> None:
    with stalled(write_script) as (server, reader):
        post_many(server, 1_000)
        before = psutil.Process(server.front().pid).memory_info().rss
        wait_for(lambda: (post_many(server, 500), dropped(server))[1] > 0, "a full buffer")
        post_many(server, 3_000)
        assert server.get("/health/ready").status == 200
        grown = psutil.Process(server.front().pid).memory_info().rss - before
        assert grown < 4 << 20, f"{grown} bytes more after thousands of lines that nobody took"
        os.set_blocking(reader, False)
        seen = b""

        def a_new_line_comes() -> bool:
            nonlocal seen
            server.post("/score", b"7", x_request_id="back-again")
            while part := read_now(reader):
                seen = (seen + part)[-100_000:]
            return b"back-again" in seen

        wait_for(a_new_line_comes, "lines after the reader came back")
        server.wait_log("log lines were dropped")
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0


def read_now(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return b""


def test_the_end_does_not_wait_for_a_reader_that_stands_still(write_script: WriteScript) -> None:
    with stalled(write_script) as (server, _):
        wait_for(lambda: (post_many(server, 500), dropped(server))[1] > 0, "a full buffer")
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0


def test_a_reader_that_has_gone_costs_lines_and_nothing_else(write_script: WriteScript) -> None:
    with stalled(write_script) as (server, reader):
        os.dup2(os.open("/dev/null", os.O_RDONLY), reader)  # the pipe has no reader any more
        post_many(server, 300)
        wait_for(lambda: dropped(server) >= 300, "lines without a reader")
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0


def test_a_full_disk_costs_lines_and_nothing_else(write_script: WriteScript) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with Server(write_script(CHATTY), stdout=full) as server:
        post_many(server, 300)
        wait_for(lambda: dropped(server) >= 300, "lines without room")
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0
    os.close(full)


@pytest.mark.parametrize("closed", [(1,), (0, 1, 2)])
def test_closed_standard_streams_are_not_somebody_elses(write_script: WriteScript, closed: tuple[int, ...]) -> None:
    close = "exec " + " ".join(f"{descriptor}>&-" for descriptor in closed)
    with Server(write_script(CHATTY), before=f"{close};") as server:
        post_many(server, 50)
        (front,) = [process for process in server.tree() if process.pid == server.front().pid]
        for descriptor in closed:
            assert os.path.realpath(f"/proc/{front.pid}/fd/{descriptor}") == "/dev/null"
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0


FORGED = "x] GET /admin 200 0.1ms 0"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (FORGED, r"[x\x5d\x20GET\x20/admin\x20200\x200.1ms\x200]"),
        ("next\x85line", r"[next\x85line]"),
        ("csi\x9b31m", r"[csi\x9b31m]"),
        ("back\\slash", r"[back\x5cslash]"),
    ],
)
def test_an_id_cannot_forge_the_look_of_a_line(write_script: WriteScript, given: str, shown: str) -> None:
    with Server(write_script(CHATTY)) as server:
        reply = server.post("/score", b"1", x_request_id=given)
        assert reply.headers["x-request-id"] == given, "the client gets its own id as it was"
        server.wait_log(f"plimsoll.access - {shown} POST /score 200 ")
        server.wait_log(f"[worker-0 {shown[1:-1]}] out 1")
        assert given not in server.log()
