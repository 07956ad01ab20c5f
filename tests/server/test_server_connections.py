"""What becomes of a connection when its client is slow, half gone, or sends what nobody wants."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from contextlib import closing

from support.fixtures import Serve
from support.server import Server, wait_for

ECHO = """
    def init(): pass
    def run(data): return data
"""
LARGE = """
    from plimsoll.entry import rawhttp, Response
    def init(): pass
    @rawhttp
    def run(request):
        return Response(b"x" * int(request.args["size"]))
"""
SLOW = """
    import json, time
    def init(): pass
    def run(data):
        seconds = json.loads(data)
        time.sleep(seconds)
        print("ran", seconds, flush=True)
        return seconds
"""
HEAD = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def connect(server: Server) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", server.port))
    client.settimeout(20)
    return client


def post(body: bytes, *fields: bytes) -> bytes:
    return b"".join([HEAD, *[field + b"\r\n" for field in fields], b"Content-Length: %d\r\n\r\n" % len(body), body])


def everything(client: socket.socket) -> bytes:
    """What comes until the other side closes."""
    parts = []
    while part := client.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


def open_connections(server: Server) -> int:
    return int(server.metric("plimsoll_connections"))


def test_a_client_that_takes_nothing_of_its_answer_is_cut_off(serve: Serve) -> None:
    server = serve(LARGE, "--send-timeout", "0.5")
    with closing(connect(server)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(b"GET /score?size=30000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for(lambda: "GET /score?size=30000000 200" in server.log(), "the answer")
        wait_for(lambda: open_connections(server) == 1, "the end of the connection")  # the one that asks
    assert server.post("/score?size=3", b"").body == b"xxx"


def test_a_client_that_takes_little_by_little_is_not(serve: Serve) -> None:
    server = serve(LARGE, "--send-timeout", "2.5")
    size = 16_000_000
    with closing(connect(server)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall(b"GET /score?size=%d HTTP/1.1\r\nHost: x\r\n\r\n" % size)
        began, received = time.monotonic(), 0
        while time.monotonic() - began < 5.0:  # twice the limit
            received += len(client.recv(100_000))
            time.sleep(0.05)
        while received < size:
            received += len(client.recv(1 << 20))
    assert received > size


def test_a_half_closed_client_that_reads_slowly_gets_all_of_its_answer(serve: Serve) -> None:
    """It is behind when it closes its side, and then takes nothing for longer than half-closed clients are given."""
    server = serve(LARGE)
    size = 12_000_000
    with closing(connect(server)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall(b"GET /score?size=%d HTTP/1.1\r\nHost: x\r\n\r\n" % size)
        wait_for(lambda: f"GET /score?size={size} 200" in server.log(), "the answer")
        client.shutdown(socket.SHUT_WR)
        time.sleep(1.0)
        answer = everything(client)
    assert len(answer.partition(b"\r\n\r\n")[2]) == size


def test_a_half_closed_client_is_answered_however_long_it_takes(serve: Serve) -> None:
    server = serve(SLOW)
    with closing(connect(server)) as client:
        client.sendall(post(b"1.2"))
        client.shutdown(socket.SHUT_WR)
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n1.2")


def test_a_half_closed_client_that_waits_for_a_slot_is_sounded_out_and_answered(serve: Serve) -> None:
    server = serve("""
        import os, time
        def init(): pass
        def run(data):
            while data == "held" and not os.path.exists("go"): time.sleep(0.01)
    """)
    blocker = threading.Thread(target=server.post, args=("/score", b"held"))
    blocker.start()
    wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 1, "the first call")
    with closing(connect(server)) as client:
        client.sendall(post(b"1"))
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(1 << 20)  # while it waits
        (server.script.parent / "go").touch()
        answer += everything(client)
    blocker.join()
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "an interim answer: RFC 9110 §15.2"
    assert "client_gone" not in server.get("/metrics").body.decode()


def test_all_that_a_half_closed_client_has_asked_is_answered(serve: Serve) -> None:
    server = serve(ECHO)
    with closing(connect(server)) as client:
        client.sendall(b"".join(post(b"%d" % number) for number in range(50)))
        client.shutdown(socket.SHUT_WR)
        answer = everything(client)
    bodies = [part.split(b"\r\n\r\n")[1] for part in answer.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b'"%d"' % number for number in range(50)]


def test_a_refused_client_can_read_why_while_it_still_sends(serve: Serve) -> None:
    """RFC 9112 §9.6: closing with bytes unread would reset the connection, and take the answer with it."""
    server = serve(ECHO, "--max-body-bytes", "1000")
    with closing(connect(server)) as client:
        client.sendall(HEAD + b"Content-Length: 50000000\r\n\r\n")
        for _ in range(300):
            client.sendall(b"x" * 10_000)
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close\r\n" in answer
    assert json.loads(answer.split(b"\r\n\r\n")[1])["code"] == "body_too_large"


def test_a_refused_client_that_never_stops_sending_is_not_listened_to_for_ever(serve: Serve) -> None:
    server = serve(ECHO, "--max-body-bytes", "1000")
    with closing(connect(server)) as client:
        client.sendall(HEAD + b"Content-Length: 5000000000\r\n\r\n")
        began = time.monotonic()
        try:
            while time.monotonic() - began < 60:
                client.sendall(b"x" * 100)
                time.sleep(0.05)
        except OSError:
            pass
    assert time.monotonic() - began < 30


def test_the_next_request_is_not_taken_for_the_rest_of_a_refused_one(serve: Serve) -> None:
    server = serve(ECHO)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for _ in range(20):
        connection.request("PUT", "/score", b"x" * 30_000)
        assert connection.getresponse().read() and True
        connection.request("POST", "/score", b"17", {"Content-Type": "application/json"})
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b'"17"')
    connection.close()
    assert "head_too_large" not in server.get("/metrics").body.decode()


def test_trailers_cost_no_memory_and_change_nothing(serve: Serve) -> None:
    server = serve(ECHO, "--max-head-bytes", "4096")
    chunks = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n17\r\n0\r\n"
    with closing(connect(server)) as client:
        client.sendall(chunks + b"X-Request-Id: evil\r\n\r\n")
        answer = client.recv(65536)
        assert answer.endswith(b'"17"')
        assert b"evil" not in answer
    with closing(connect(server)) as client:
        client.sendall(chunks)
        try:
            for _ in range(10_000):
                client.sendall(b"X-Trailer: %b\r\n" % (b"y" * 4000))
        except OSError:
            pass  # refused meanwhile, and listened to no longer
        assert client.recv(65536).startswith(b"HTTP/1.1 431 ")


def test_connections_are_counted(serve: Serve) -> None:
    server = serve(ECHO, "--max-connections", "50")
    assert server.metric("plimsoll_connections_limit") == 50
    clients = [connect(server) for _ in range(20)]
    wait_for(lambda: open_connections(server) == 21, "all of them, and the one that asks")
    for client in clients:
        client.close()
    wait_for(lambda: open_connections(server) == 1, "the end of all")
