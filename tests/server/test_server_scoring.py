"""`/score` as a client sees it."""

from __future__ import annotations

import http.client
import json
import threading
from uuid import UUID

import pytest

from support.fixtures import Serve
from support.server import Server, wait_for

ECHO = """
    import json
    def init(): pass
    def run(data): return json.loads(data)
"""
HELD = """
    import os, time
    def init(): pass
    def run(data):
        print("ran", data)
        if data == "a while": time.sleep(1)
        while data == "held" and not os.path.exists("go"): time.sleep(0.01)
        return data
"""
"""A call that is held runs until the test lets it go, however slow the machine is."""


def let_go(server: Server) -> None:
    (server.script.parent / "go").touch()


def test_an_answer_has_azures_headers(serve: Serve) -> None:
    reply = serve(ECHO).post("/score", b'{"a": 1}')
    assert reply.status == 200
    assert reply.json() == {"a": 1}
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-ms-run-function-failed"] == "False"
    assert float(reply.headers["x-ms-run-fn-exec-ms"]) >= 0
    assert UUID(reply.headers["x-request-id"]).version == 4
    assert reply.headers["x-ms-request-id"] == reply.headers["x-request-id"]


def test_ids_are_echoed_even_on_errors(serve: Serve) -> None:
    server = serve(ECHO)
    for body in (b"1", b"not json"):
        reply = server.post("/score", body, x_request_id="mine", x_ms_client_request_id="yours")
        assert reply.headers["x-request-id"] == "mine"
        assert reply.headers["x-ms-request-id"] == reply.headers["x-ms-client-request-id"] == "yours"


def test_long_ids_are_refused_on_every_route(serve: Serve) -> None:
    server = serve(ECHO)
    for path in ("/score", "/", "/health/live"):
        reply = server.get(path, x_request_id="x" * 101)
        assert reply.status == 431
        assert reply.json()["message"] == "x-request-id must not exceed 100 characters"
        assert "x-request-id" not in reply.headers


def test_get_passes_the_query(serve: Serve) -> None:
    assert serve(ECHO).get("/score?a=1&b=x&b=y").json() == {"a": 1, "b": ["x", "y"]}


def test_a_script_sees_headers_it_asks_for(serve: Serve) -> None:
    server = serve("""
        def init(): pass
        def run(data, request_headers): return [data, request_headers["X-Mine"]]
    """)
    assert server.post("/score", b"body", x_mine="yes").json() == ["body", "yes"]


def test_raw_http_sets_status_and_headers(serve: Serve) -> None:
    server = serve("""
        from azureml.contrib.services.aml_request import AMLRequest, rawhttp
        from azureml.contrib.services.aml_response import AMLResponse
        def init(): pass
        @rawhttp
        def run(request):
            text = f"{request.method} {request.full_path} {request.get_data(False)!r}"
            return AMLResponse(text, 202, {"X-Answer": "42"})
    """)
    reply = server.post("/score?q=1", b"\x00\xff")
    assert (reply.status, reply.headers["x-answer"]) == (202, "42")
    assert reply.body == rb"POST /score?q=1 b'\x00\xff'"


def test_a_failing_run_shows_nothing_of_the_script(serve: Serve) -> None:
    server = serve("""
        def init(): pass
        def run(data): raise ValueError("secret detail")
    """)
    reply = server.post("/score", b"1")
    assert reply.status == 500
    assert reply.json()["message"] == "An unexpected error occurred in scoring script. Check the logs for more info."
    assert reply.headers["x-ms-run-function-failed"] == "True"
    assert b"secret" not in reply.body
    server.wait_log("ValueError: secret detail")


@pytest.mark.parametrize("size", [0, 1, 60_000, 70_000, 1_000_000, 30_000_000])
def test_bodies_of_every_size_arrive_whole(serve: Serve, size: int) -> None:
    server = serve("""
        from plimsoll.entry import rawhttp, Response
        def init(): pass
        @rawhttp
        def run(request): return Response(request.get_data()[::-1])
    """)
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert server.post("/score", body).body == body[::-1]


def test_a_body_over_the_cap_is_refused_before_it_is_read(serve: Serve) -> None:
    server = serve(ECHO, "--max-body-bytes", "1000")
    assert server.post("/score", b"1" * 1000).status == 200
    declared = server.post("/score", b"1" * 1001)
    assert (declared.status, declared.json()["code"]) == (413, "body_too_large")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/score", iter([b"1" * 600, b"1" * 600]))  # chunked: no size declared
    assert connection.getresponse().status == 413
    connection.close()
    assert server.metric("plimsoll_requests_total", outcome="body_too_large", status="413") == 2


def test_other_methods_and_paths(serve: Serve) -> None:
    server = serve(ECHO)
    for method in ("PUT", "PATCH", "DELETE"):
        reply = server.request(method, "/score", b"1", {})
        assert (reply.status, reply.json()["code"]) == (405, "method_not_allowed")
        assert reply.json()["message"] == "The method is not allowed for the requested URL."
    missing = server.get("/nowhere")
    assert (missing.status, missing.json()["code"]) == (404, "not_found")
    assert server.request("OPTIONS", "/score", None, {}).status == 200
    assert server.request("HEAD", "/score", None, {}).status == 405


def test_a_full_queue_answers_429_with_a_time_to_come_back(serve: Serve) -> None:
    server = serve(HELD, "--max-queue", "2")
    server.post("/score", b"a while")  # teaches the server what a call takes
    threads = [threading.Thread(target=server.post, args=("/score", b"held")) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_for(lambda: server.metric("plimsoll_queue_length") == 2, "a full queue")
    reply = server.post("/score", b"0")
    assert (reply.status, reply.json()["code"]) == (429, "queue_full")
    assert 1 <= int(reply.headers["retry-after"]) <= 60
    let_go(server)
    for thread in threads:
        thread.join()


def test_keep_alive_serves_many_requests_on_one_connection(serve: Serve) -> None:
    server = serve(ECHO)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    first = connection.sock
    for number in range(50):
        connection.request("POST", "/score", json.dumps(number), {"Content-Type": "application/json"})
        assert json.loads(connection.getresponse().read()) == number
    assert connection.sock is first
    connection.close()


def test_a_client_that_leaves_the_queue_is_not_run(serve: Serve) -> None:
    server = serve(HELD)
    blocker = threading.Thread(target=server.post, args=("/score", b"held"))
    blocker.start()
    wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 1, "the first call")
    gone = http.client.HTTPConnection("127.0.0.1", server.port)
    gone.request("POST", "/score", b"0.123", {"Content-Type": "application/json"})
    wait_for(lambda: server.metric("plimsoll_queue_length") == 1, "the second call")
    gone.close()
    wait_for(lambda: server.metric("plimsoll_queue_length") == 0, "the second call dropped")
    let_go(server)
    blocker.join()
    assert server.post("/score", b"0").status == 200
    assert "ran 0.123" not in server.log()
    assert server.metric("plimsoll_requests_total", outcome="client_gone", status="499") == 1


def test_a_response_is_streamed_as_it_is_produced(serve: Serve) -> None:
    server = serve("""
        import os, time
        from plimsoll.entry import rawhttp, Response
        def init(): pass
        @rawhttp
        def run(request):
            def chunks():
                yield b"first"
                while not os.path.exists(request.args["until"]): time.sleep(0.01)
                yield b"second"
            return Response(chunks())
    """)
    flag = server._log_path.with_suffix(".flag")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", f"/score?until={flag}")
    response = connection.getresponse()
    assert response.read(5) == b"first"  # the script waits for us: it cannot have ended
    flag.touch()
    assert response.read() == b"second"
    connection.close()


def test_what_the_script_prints_is_in_the_log_with_its_worker(serve: Serve) -> None:
    server = serve("""
        import sys
        def init(): print("loading", 1)
        def run(data):
            print("two\\nlines")
            print("to stderr", file=sys.stderr)
            return 1
    """)
    server.post("/score", b"1")
    for line in ("loading 1", "two", "lines", "to stderr"):
        server.wait_log(f"{line}\n")


def test_slots_share_the_work(serve: Serve) -> None:
    server = serve(HELD, "--workers", "2", "--threads", "2")
    threads = [threading.Thread(target=server.post, args=("/score", b"held")) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 4, "four calls at once")
    let_go(server)
    for thread in threads:
        thread.join()
