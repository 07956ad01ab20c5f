"""Bodies and answers too large for a message: whole and one's own in any trouble, bounded, and gone when idle."""

from __future__ import annotations

import contextlib
import hashlib
import random
import select
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from support.fixtures import Serve, WriteScript
from support.server import PATIENCE_S, Server, wait_for

MB = 1_000_000
RAW = """
    import hashlib, os, time
    from azureml.contrib.services.aml_request import AMLRequest, rawhttp
    from azureml.contrib.services.aml_response import AMLResponse

    def init(): pass

    @rawhttp
    def run(request):
        body = request.get_data()
        time.sleep(float(request.args.get("sleep", 0)))
        return AMLResponse(body, 200, {"x-md5": hashlib.md5(body).hexdigest(), "x-pid": str(os.getpid())})
"""
TEXT = """
    import hashlib

    def init(): pass
    def run(data): return hashlib.md5(data.encode()).hexdigest() + data
"""
STREAM = """
    def init(): pass
    def run(data):
        for at in range(0, len(data), 300_000): yield data[at:at + 300_000]
"""
BATCH = """
    from plimsoll.entry import batch

    def init(): pass

    @batch(max_size=4, max_wait_ms=50)
    def run(data): return [one[:10] + one for one in data]
"""
KEEPING = """
    import hashlib
    import numpy as np
    from azureml.contrib.services.aml_request import AMLRequest, rawhttp

    kept = []
    def init(): pass

    @rawhttp
    def run(request):
        if request.method == "GET":
            return [hashlib.md5(array).hexdigest() for array in kept]
        kept.append(np.frombuffer(request.stream.getbuffer(), np.uint8))
        return len(kept)
"""
READING = """
    import hashlib, os
    from azureml.contrib.services.aml_request import AMLRequest, rawhttp

    seen = []
    def init(): pass

    @rawhttp
    def run(request):
        if request.method == "GET":
            return seen
        view = request.stream.getbuffer()
        found = {hashlib.md5(view).hexdigest()}
        while "read" in request.args and not os.path.exists("go"):
            found.add(hashlib.md5(view).hexdigest())
        if "read" in request.args:
            seen.append(sorted(found))
        return found.pop()
"""


def random_body(number: int, size: int) -> bytes:
    """The same for the same number, and unlike any other."""
    return random.Random(number).randbytes(size)


def md5(body: bytes) -> str:
    return hashlib.md5(body).hexdigest()


def post_raw(server: Server, number: int, size: int, query: str = "", **headers: str) -> str:
    """ "own" for one's own body back, whole; else what came instead."""
    body = random_body(number, size)
    reply = server.request("POST", f"/score{query}", body, headers)
    if reply.status != 200:
        return f"{reply.status} {reply.json()['code']}"
    return "own" if reply.body == body and reply.headers["x-md5"] == md5(body) else f"wrong: {reply.body[:50]!r}"


def memory_is_free(server: Server) -> bool:
    return server.metric("plimsoll_body_memory_bytes") == 0


@pytest.mark.parametrize(("size", "count"), [(600_000, 60), (10 * MB, 16)])
@pytest.mark.parametrize("flags", [(), ("--threads", "3"), ("--workers", "2")])
def test_everybody_gets_their_own_back_whole(serve: Serve, size: int, count: int, flags: tuple[str, ...]) -> None:
    server = serve(RAW, *flags)
    with ThreadPoolExecutor(8) as clients:
        sizes = [size + number for number in range(count)]
        ends = list(clients.map(lambda number: post_raw(server, number, sizes[number]), range(count)))
    assert ends == ["own"] * count
    wait_for(lambda: memory_is_free(server), "free memory")


def test_text_there_and_back(serve: Serve) -> None:
    server = serve(TEXT)
    for size in (65_535, 65_536, 65_537, 600_000, 3 * MB, 70_000):
        text = (f"ä{size} " * size)[: size // 2 + 1]
        reply = server.post("/score", text.encode())
        assert reply.json() == md5(text.encode()) + text
    reply = server.post("/score", b"a" * MB + b"\xff")
    assert (reply.status, "invalid start byte" in reply.json()["message"]) == (400, True)


def test_a_body_of_unknown_length_grows_as_it_comes(serve: Serve) -> None:
    server = serve(RAW, "--max-body-bytes", str(5 * MB))
    body = random_body(1, 4 * MB)
    for size, status in ((4 * MB, 200), (5 * MB + 1, 413)):
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as connection:
            connection.sendall(b"POST /score HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            sent = random_body(1, size)
            with contextlib.suppress(OSError):  # the refusal comes before the end
                for at in range(0, size, 77_777):
                    part = sent[at : at + 77_777]
                    connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
                connection.sendall(b"0\r\n\r\n")
            answer = b""
            with contextlib.suppress(OSError):
                while not answer.endswith(body[-100:]) and (part := connection.recv(MB)):
                    answer += part
        assert answer.startswith(b"HTTP/1.1 %d " % status) or (status == 413 and not answer)
        if status == 200:
            assert md5(body).encode() in answer
    wait_for(lambda: memory_is_free(server), "free memory")


def test_streams_and_batches_of_large_bodies(serve: Serve) -> None:
    text = "".join(map(str, range(400_000)))
    assert serve(STREAM).post("/score", text.encode()).body.decode() == text
    server = serve(BATCH)
    with ThreadPoolExecutor(8) as clients:
        texts = [f"{number:010}" + "x" * 300_000 * (number % 3) for number in range(40)]
        replies = list(clients.map(lambda text: server.post("/score", text.encode()), texts))
    assert [reply.json() for reply in replies] == [text[:10] + text for text in texts]
    wait_for(lambda: memory_is_free(server), "free memory")


@pytest.mark.parametrize("when", ["in the body", "in the call"])
def test_clients_that_leave_take_their_memory_along(serve: Serve, when: str) -> None:
    server = serve(RAW, "--threads", "2", env={"PLIMSOLL_MAX_QUEUE": "40"})
    body = random_body(0, 2 * MB)
    query = b"?sleep=0.3" if when == "in the call" else b""
    head = b"POST /score%b HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (query, len(body))
    for _ in range(5):
        with contextlib.ExitStack() as stack:
            for _ in range(8):
                leaver = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE_S))
                leaver.sendall(head + (body if when == "in the call" else body[: MB + 7]))
            wait_for(lambda: not memory_is_free(server), "bodies in memory")
        assert post_raw(server, 1, 2 * MB) == "own"
    wait_for(lambda: memory_is_free(server), "free memory")


def test_a_worker_that_is_killed_costs_its_own_call(serve: Serve) -> None:
    server = serve(RAW)
    with ThreadPoolExecutor(8) as clients:
        for round_ in range(3):
            wait_for(lambda: server.is_ready(), "a worker")
            running = [clients.submit(post_raw, server, number, 2 * MB, "?sleep=0.2") for number in range(6)]
            wait_for(lambda: server.metric("plimsoll_requests_in_flight") > 0, "a call")
            server.workers()[0].send_signal(signal.SIGKILL)
            ends = [one.result() for one in running]
            assert ends.count("own") >= 5, (round_, ends)
            assert set(ends) <= {"own", "502 worker_died"}
    wait_for(lambda: memory_is_free(server), "free memory")


@pytest.mark.parametrize("who", ["the client's deadline", "a client that left"])
def test_a_run_that_nobody_waits_for_reads_on_undisturbed(serve: Serve, who: str) -> None:
    server = serve(READING, "--threads", "2")
    body = random_body(0, MB)
    if who == "a client that left":
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as leaver:
            head = b"POST /score?read HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
            leaver.sendall(head % len(body) + body)
            wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 1, "the call")
    else:
        late = server.request("POST", "/score?read", body, {"x-request-timeout-ms": "300"})
        assert (late.status, late.json()["code"]) == (504, "deadline_exceeded")
    for number in range(1, 40):
        other = random_body(number, MB)
        assert server.request("POST", "/score", other, {}).json() == md5(other)
    assert server.metric("plimsoll_requests_in_flight") == 1, "it still reads"
    (server.script.parent / "go").touch()
    wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 0, "the end of the call")
    assert server.get("/score").json() == [[md5(body)]]


def test_the_scoring_timeout_frees_the_body_with_the_worker(serve: Serve) -> None:
    server = serve(RAW, "--scoring-timeout-ms", "300", "--grace-seconds", "1")
    for number in range(3):
        wait_for(server.is_ready, "a worker")
        assert post_raw(server, number, MB, "?sleep=60") == "504 scoring_timeout"
    wait_for(lambda: memory_is_free(server), "free memory")
    wait_for(server.is_ready, "a worker")
    # At times a machine stands still for as long as a call may take here.
    wait_for(lambda: post_raw(server, 5, MB) == "own", "an answer of the next worker")


def test_what_a_script_keeps_never_changes_and_is_bounded(serve: Serve) -> None:
    server = serve(KEEPING, "--max-buffer-bytes", str(16 * 2**20), "--max-body-bytes", str(2**20))
    bodies = [random_body(number, 2**20 - number) for number in range(40)]
    for count, body in enumerate(bodies, 1):
        assert server.request("POST", "/score", body, {}).json() == count
    assert server.get("/score").json() == [md5(body) for body in bodies]
    assert 0 < server.metric("plimsoll_body_memory_bytes") <= 4 * 2**20
    server.signal(signal.SIGHUP)  # a fresh worker
    wait_for(lambda: memory_is_free(server), "free memory")


def test_memory_that_is_in_use_is_waited_for_or_refused(serve: Serve) -> None:
    server = serve(RAW, "--max-buffer-bytes", str(4 * 2**20), "--max-body-bytes", str(4 * 2**20), "--threads", "2")
    with ThreadPoolExecutor(12) as clients:
        ends = list(clients.map(lambda number: post_raw(server, number, 2**20, "?sleep=0.05"), range(48)))
        assert ends == ["own"] * 48, "four at a time find room, the rest wait"
        slow = [clients.submit(post_raw, server, number, 2**21, "?sleep=9") for number in range(2)]
        wait_for(lambda: server.metric("plimsoll_body_memory_bytes") == 4 * 2**20, "memory that is all in use")
        assert post_raw(server, 3, 2**21) == "429 buffers_full"
        assert [one.result() for one in slow] == ["own", "own"]
    assert post_raw(server, 4, 4 * 2**20) == "own"
    wait_for(lambda: memory_is_free(server), "free memory")


@contextlib.contextmanager
def unfinished(
    server: Server, count: int, announced: int, sent: int, before: bytes = b""
) -> Iterator[list[socket.socket]]:
    """Clients that announce a body, send a part of it, and no more. `before`: an earlier request."""
    head = before + b"POST /score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % announced
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)) for _ in range(count)
        ]
        for client in clients:
            client.sendall(head + bytes(sent))
        wait_for(lambda: server.metric("plimsoll_connections") > count, "their connections")
        yield clients


@pytest.mark.parametrize("sent", [0, 1, 10_000])
def test_who_only_announces_a_body_takes_no_memory(serve: Serve, sent: int) -> None:
    server = serve(RAW)
    with unfinished(server, 60, 64 * 2**20, sent):
        assert memory_is_free(server)
        for number in range(20):
            assert post_raw(server, number, 600_000) == "own"
        assert post_raw(server, 0, 60 * MB) == "own"
        wait_for(lambda: memory_is_free(server), "free memory")


def test_memory_that_others_wait_for_is_not_held_by_bodies_that_hardly_come(serve: Serve) -> None:
    size = str(4 * 2**20)
    server = serve(RAW, "--max-buffer-bytes", size, "--max-body-bytes", size, "--min-body-rate", "1")
    with unfinished(server, 4, 2**20, 20_000) as clients:
        wait_for(lambda: server.metric("plimsoll_body_memory_bytes") == 4 * 2**20, "memory that is all in use")
        time.sleep(3)
        assert server.metric("plimsoll_body_memory_bytes") == 4 * 2**20, "nobody waits for it"
        clients[0].sendall(bytes(900_000))  # this one has come fast enough
        wait_for(lambda: server.metric("plimsoll_connections") == 5, "nobody given up")
        assert post_raw(server, 1, 2**21) == "own"
        given_up, _, _ = select.select(clients, [], [], 0)
        assert {_status(client) for client in given_up} == {b"408"}, "as many as it takes"
        clients[0].sendall(bytes(2**20 - 920_000))
        assert _status(clients[0]) == b"200"
    wait_for(lambda: memory_is_free(server), "free memory")


def _status(client: socket.socket) -> bytes:
    return client.recv(12)[-3:]


def test_nor_by_bodies_that_are_sent_ahead(serve: Serve) -> None:
    size = str(4 * 2**20)
    server = serve(RAW, "--max-buffer-bytes", size, "--max-body-bytes", size, "--threads", "8")
    slow = b"POST /score?sleep=12 HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n1"
    with unfinished(server, 4, 2**20, 20_000, slow):
        wait_for(lambda: server.metric("plimsoll_body_memory_bytes") == 4 * 2**20, "memory that is all in use")
        assert post_raw(server, 1, 2**21) == "own"


def test_bodies_are_no_leak_of_the_worker(serve: Serve) -> None:
    """A worker has all of them mapped, and so they count as resident: 100 MB of them."""
    server = serve(RAW, "--max-memory", "100", "--threads", "2")
    (worker,) = server.workers()
    with ThreadPoolExecutor(12) as clients:
        assert set(clients.map(lambda number: post_raw(server, number, 10 * MB, "?sleep=0.2"), range(24))) == {"own"}
    assert worker.memory_info().rss > 100 * MB, "nothing was tried"
    time.sleep(1.5)  # it is looked at twice a second
    assert server.workers() == [worker]


def test_idle_memory_goes_back(serve: Serve) -> None:
    server = serve(RAW)
    assert post_raw(server, 0, 1000) == "own"
    before = _memory_bytes(server)
    with ThreadPoolExecutor(8) as clients:
        assert set(clients.map(lambda number: post_raw(server, number, 10 * MB, "?sleep=0.1"), range(24))) == {"own"}
    assert _memory_bytes(server) > before + 20 * MB, "nothing to give back"
    since = time.monotonic()
    wait_for(lambda: _memory_bytes(server) < before + 20 * MB, "memory given back", 60)
    assert time.monotonic() - since < 40


def _memory_bytes(server: Server) -> int:
    tree = [psutil.Process(server.process.pid), *server.tree()]
    return sum(process.memory_full_info().pss for process in tree)


def test_large_and_small_ones_go_side_by_side(serve: Serve) -> None:
    """Bodies and answers of every size on either side of what a message holds, at the same time."""
    server = serve(RAW, "--threads", "2")
    sizes = [random.Random(7).choice([0, 10, 60_000, 65_536, 65_537, 100_000, MB]) + n % 5 for n in range(150)]
    with ThreadPoolExecutor(12) as clients:
        ends = list(clients.map(lambda number: post_raw(server, number, sizes[number]), range(150)))
    assert ends == ["own"] * 150


def test_memory_that_cannot_be_mapped_is_said_at_the_start(write_script: WriteScript) -> None:
    flags = ("--max-buffer-bytes", str(4 * 10**9))
    with Server(write_script(TEXT), *flags, before="ulimit -v 2000000;", wait=False) as server:
        assert server.wait_exit() == 3
        last = server.log().splitlines()[-1]
    assert last.startswith(
        "plimsoll: error: 4000000000 bytes for large request bodies cannot be mapped (Cannot allocate"
    )
    assert "--max-buffer-bytes" in last
