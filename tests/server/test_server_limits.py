"""What a client may take of the server: time, bytes, connections."""

from __future__ import annotations

import contextlib
import json
import socket
import time

import pytest

from support.fixtures import Serve
from support.server import Server, wait_for

ECHO = """
    import json
    def init(): pass
    def run(data): return json.loads(data)
"""
_HEAD_TIMEOUT_S = "2.5"
"""A machine that stands still for a while between two lines of a test must not make its client a slow one."""
HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


class Raw:
    """A connection that sends what it likes."""

    def __init__(self, server: Server) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def one_answer(self) -> bytes:
        """One response to an echo of a single digit, on a connection that stays open."""
        data = b""
        while not data.endswith(b"\r\n\r\n1"):
            part = self.socket.recv(65536)
            assert part, data
            data += part
        return data

    def answer(self) -> bytes:
        """Everything until the server closes the connection."""
        parts = []
        with contextlib.suppress(ConnectionResetError):
            while part := self.socket.recv(65536):
                parts.append(part)
        return b"".join(parts)


def refusal(answer: bytes) -> tuple[int, dict[str, str]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_a_head_that_drips_is_given_up(serve: Serve) -> None:
    server = serve(ECHO, "--head-timeout", _HEAD_TIMEOUT_S)
    with Raw(server) as client:
        client.send(b"POST /score HT")
        status, content = refusal(client.answer())
    assert (status, content["code"]) == (408, "slow_head")
    assert content["requestId"]
    assert server.metric("plimsoll_requests_total", outcome="slow_head", status="408") == 1


def test_a_connection_that_says_nothing_is_closed_without_a_word(serve: Serve) -> None:
    with Raw(serve(ECHO, "--head-timeout", "0.3")) as client:
        assert client.answer() == b""


def test_the_second_head_of_a_connection_is_timed_too(serve: Serve) -> None:
    with Raw(serve(ECHO, "--head-timeout", _HEAD_TIMEOUT_S)) as client:
        client.send(HEAD + b"Content-Length: 1\r\n\r\n1")
        client.one_answer()
        client.send(b"POST /sc")
        assert refusal(client.answer())[0] == 408


def test_empty_lines_do_not_keep_a_connection_open(serve: Serve) -> None:
    with Raw(serve(ECHO, "--head-timeout", _HEAD_TIMEOUT_S)) as client:
        client.send(HEAD + b"Content-Length: 1\r\n\r\n1")
        client.one_answer()
        client.send(b"\r\n")
        assert refusal(client.answer())[1]["code"] == "slow_head"


@pytest.mark.parametrize("sent", [b"", b"12"])
def test_a_body_that_does_not_come_is_given_up(serve: Serve, sent: bytes) -> None:
    server = serve(ECHO, "--body-timeout", "0.5")
    with Raw(server) as client:
        client.send(HEAD + b"Content-Length: 10\r\n\r\n" + sent)
        status, content = refusal(client.answer())
    assert (status, content["code"]) == (408, "slow_body")


def test_a_body_that_drips_is_given_up_before_its_deadline(serve: Serve) -> None:
    server = serve(ECHO, "--body-timeout", "60", "--min-body-rate", "1000")
    with Raw(server) as client:
        client.send(HEAD + b"Content-Length: 100000\r\n\r\n")
        client.socket.setblocking(False)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                client.send(b"x")
            with contextlib.suppress(BlockingIOError):
                assert b"came slower than 1000 bytes/s" in client.socket.recv(65536)
                return
            time.sleep(0.05)
    raise AssertionError("the body was not given up")


def test_a_slow_answer_is_not_taken_for_a_slow_body(serve: Serve) -> None:
    server = serve(
        """
        import time
        def init(): pass
        def run(data):
            time.sleep(3.0)
            return 1
        """,
        *("--body-timeout", "2", "--head-timeout", "2"),
    )
    assert server.post("/score", b"1").status == 200


def test_a_head_over_the_cap_is_refused(serve: Serve) -> None:
    server = serve(ECHO, "--max-head-bytes", "2000")
    with Raw(server) as client:
        client.send(HEAD + b"X-Filler: " + b"x" * 5000)
        status, content = refusal(client.answer())
    assert (status, content["code"]) == (431, "head_too_large")
    assert server.post("/score", b"1", x_filler="x" * 1000).status == 200
    assert server.post("/score", b"[%b]" % (b" " * 5000)).status == 200  # the body does not count


def test_a_head_over_the_cap_that_comes_in_one_piece_is_refused(serve: Serve) -> None:
    server = serve(ECHO, "--max-head-bytes", "2000")
    for path, filler in (("/score", "x" * 2000), ("/score?" + "x" * 2000, "")):
        reply = server.post(path, b"1", x_filler=filler)
        assert (reply.status, reply.json()["code"]) == (431, "head_too_large")


def test_what_is_not_http_is_refused(serve: Serve) -> None:
    with Raw(serve(ECHO)) as client:
        client.send(b"\x16\x03\x01 hello\r\n\r\n")
        status, content = refusal(client.answer())
    assert (status, content["code"]) == (400, "malformed_request")


def test_connections_over_the_cap_are_turned_away(serve: Serve) -> None:
    server = serve(ECHO, "--max-connections", "3")
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(Raw(server)) for _ in range(3)]
        extra = stack.enter_context(Raw(server))
        status, content = refusal(extra.answer())
        assert (status, content["code"]) == (503, "too_many_connections")
        held[0].send(HEAD + b"Content-Length: 1\r\n\r\n1")
        held[0].one_answer()
    wait_for(server.is_ready, "free connections")


def test_the_clients_own_deadline(serve: Serve) -> None:
    server = serve("""
        import os, time
        def init(): pass
        def run(data):
            while data and not os.path.exists(data): time.sleep(0.01)
            return "done"
    """)
    worker = server.workers()[0].pid
    late = server.post("/score", b"go", x_request_timeout_ms="100")
    assert (late.status, late.json()["code"]) == (504, "deadline_exceeded")
    queued = server.post("/score", b"", x_request_timeout_ms="50")  # behind the first, which goes on
    assert queued.status in (429, 504)
    (server.script.parent / "go").touch()
    assert server.post("/score", b"", x_request_timeout_ms="20000").json() == "done"
    assert server.workers()[0].pid == worker
    for wrong in ("-1", "0", "soon"):
        reply = server.post("/score", b"", x_request_timeout_ms=wrong)
        assert (reply.status, reply.json()["code"]) == (400, "bad_request")


def test_a_wait_longer_than_the_deadline_is_refused_at_once(serve: Serve) -> None:
    import threading

    server = serve("""
        import os, time
        def init(): pass
        def run(data):
            time.sleep(0.7)
            while data and not os.path.exists(data): time.sleep(0.01)
            return 1
    """)
    server.post("/score", b"")  # teaches the server what a call takes
    threads = [threading.Thread(target=server.post, args=("/score", b"go")) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_for(lambda: server.metric("plimsoll_queue_length") == 2, "two waiting calls")
    reply = server.post("/score", b"1", x_request_timeout_ms="500")
    assert (reply.status, reply.json()["code"]) == (429, "queue_full")
    assert int(reply.headers["retry-after"]) >= 1
    (server.script.parent / "go").touch()
    for thread in threads:
        thread.join()
