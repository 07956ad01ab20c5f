"""`--warmup`: every worker runs the file's requests after init() and before the first call."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from support.fixtures import Serve
from support.server import Server, wait_for

# Writes down who ran what, in which thread, and fails where the body says so.
SCRIPT = """
    import json, os, threading, time
    def init(): pass
    def run(data):
        body = json.loads(data)
        with open("calls", "a") as file:
            file.write(json.dumps([os.getpid(), threading.get_ident(), body]) + "\\n")
        if body == "bad":
            raise ValueError("a bad one")
        if body == "hang":
            time.sleep(600)
        if body == "die":
            os._exit(9)
        if body == "slow":
            time.sleep(1)
        while body == "held" and not os.path.exists("go"):
            time.sleep(0.01)
        if body == "together":
            time.sleep(0.3)
        return body
"""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of requests; empty until the test has written it."""
    return tmp_path / "warmup.txt"


def calls(rows: Path) -> list[tuple[int, int, object]]:
    path = rows.with_name("calls")
    return [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def refused(server: Server) -> str:
    assert server.wait_exit() == 3, server.log()
    assert " is ready after " not in server.log()
    return server.log().rstrip().splitlines()[-1]


def test_every_worker_runs_every_row_before_it_is_ready(serve: Serve, rows: Path) -> None:
    rows.write_text('"one"\n"two"\n')
    server = serve(SCRIPT, "--warmup", str(rows), "--workers", "2")
    wait_for(lambda: server.metric("plimsoll_workers", state="ready") == 2, "readiness of both")
    ran = Counter((pid, body) for pid, _, body in calls(rows))
    assert ran == {(worker.pid, body): 1 for worker in server.workers() for body in ("one", "two")}
    assert server.metric("plimsoll_requests_total", route="/score") == 0, "nobody has called yet"
    server.wait_log("warm-up of 2 row(s) took ")
    assert server.post("/score", b'"three"').json() == "three"


def test_every_thread_is_warmed(serve: Serve, rows: Path) -> None:
    rows.write_text('"together"\n')
    serve(SCRIPT, "--warmup", str(rows), "--threads", "3")
    assert len({thread for _, thread, _ in calls(rows)}) == 3


def test_readiness_waits_and_says_for_what(serve: Serve, rows: Path) -> None:
    rows.write_text('"held"\n"held"\n')
    server = serve(SCRIPT, "--warmup", str(rows), wait=False)
    wait_for(lambda: calls(rows), "the first warm-up call")
    reply = server.get("/health/ready")
    assert (reply.status, reply.json()["reason"]) == (503, "the model is warming up")
    assert server.get("/health/live").status == 200
    assert server.metric("plimsoll_workers", state="warming") == 1
    rows.with_name("go").touch()
    server.wait_ready()
    assert len(calls(rows)) == 2


def test_a_call_that_comes_too_early_waits(serve: Serve, rows: Path) -> None:
    rows.write_text('"slow"\n')
    server = serve(SCRIPT, "--warmup", str(rows), wait=False)
    wait_for(lambda: calls(rows), "the first warm-up call")
    assert server.post("/score", b'"early"').json() == "early"
    assert [body for _, _, body in calls(rows)] == ["slow", "early"]


def test_rows_that_fail_are_logged_and_the_worker_serves(serve: Serve, rows: Path) -> None:
    rows.write_text('"good"\n"bad"\n')
    server = serve(SCRIPT, "--warmup", str(rows))
    server.wait_log("warm-up row 2: status 500")
    server.wait_log("ValueError: a bad one")
    server.wait_log("warm-up of 2 row(s) took")
    assert server.post("/score", b"1").status == 200


def test_a_worker_on_which_every_row_fails_does_not_serve(serve: Serve, rows: Path) -> None:
    rows.write_text('"bad"\n"bad"\n')
    last = refused(serve(SCRIPT, "--warmup", str(rows), wait=False))
    assert last == ("plimsoll: error: the warm-up failed: none of the 2 row(s) succeeded; row 1: status 500")


def test_a_worker_that_dies_in_its_warm_up(serve: Serve, rows: Path) -> None:
    rows.write_text('"good"\n"die"\n')
    last = refused(serve(SCRIPT, "--warmup", str(rows), wait=False))
    assert last.startswith("plimsoll: error: the worker exited with code 9 while it was warmed up")


def test_a_warm_up_that_hangs_is_stopped_with_its_stacks(serve: Serve, rows: Path) -> None:
    rows.write_text('"good"\n"hang"\n')
    server = serve(SCRIPT, "--warmup", str(rows), "--scoring-timeout-ms", "500", wait=False)
    assert refused(server).startswith("plimsoll: error: a warm-up call exceeded the scoring timeout")
    assert re.search(r"score.py\", line \d+ in run", server.log())


def test_a_worker_that_is_started_again_is_warmed_too(serve: Serve, rows: Path) -> None:
    rows.write_text('"one"\n')
    server = serve(SCRIPT, "--warmup", str(rows))
    (first,) = server.workers()
    first.kill()
    wait_for(lambda: server.metric("plimsoll_worker_restarts_total") == 1, "the restart")
    server.wait_ready()
    (second,) = server.workers()
    assert [pid for pid, _, _ in calls(rows)] == [first.pid, second.pid]


def test_a_new_worker_that_fails_its_warm_up_is_tried_again(serve: Serve, rows: Path, tmp_path: Path) -> None:
    """Not fatal: the script has shown that it can serve, and perhaps will again."""
    rows.write_text('"one"\n')
    server = serve(
        """
        import os
        def init(): pass
        def run(data):
            if os.path.exists("broken"):
                raise ValueError("out of order")
            return data
        """,
        "--warmup",
        str(rows),
    )
    (tmp_path / "broken").touch()
    server.workers()[0].kill()
    wait_for(lambda: "the warm-up failed" in server.get("/health/ready").json().get("reason", ""), "the reason")
    (tmp_path / "broken").unlink()
    server.wait_ready()
    assert server.post("/score", b"1").status == 200
    assert server.metric("plimsoll_worker_restarts_total", reason="start_failed") >= 1


def test_a_worker_is_renewed_after_calls_of_clients_only(serve: Serve, rows: Path) -> None:
    rows.write_text('"one"\n"two"\n"three"\n')
    server = serve(SCRIPT, "--warmup", str(rows), "--max-requests", "2")
    server.post("/score", b"1")
    assert server.metric("plimsoll_worker_restarts_total") == 0
    server.post("/score", b"2")
    wait_for(lambda: server.metric("plimsoll_worker_restarts_total", reason="max_requests") == 1, "the renewal")
    assert len(calls(rows)) == 3 + 2 + 3


def test_the_server_can_be_stopped_while_it_warms_up(serve: Serve, rows: Path) -> None:
    rows.write_text('"hang"\n')
    server = serve(SCRIPT, "--warmup", str(rows), "--grace-seconds", "60", wait=False)
    wait_for(lambda: calls(rows), "the first warm-up call")
    server.process.terminate()
    assert server.wait_exit() == 0


def test_envelopes_say_method_headers_and_what_to_expect(serve: Serve, rows: Path) -> None:
    envelopes = [
        {"body": "x", "headers": {"x-colour": "red"}, "path": "/score?size=3"},
        {"body": "", "method": "GET", "path": "/score?size=4"},
        {"body": "teapot", "expect": {"status": 418}},
        {"body": "", "method": "GET", "path": "/swagger.json"},
    ]
    rows.write_text("".join(json.dumps(one) + "\n" for one in envelopes))
    server = serve(
        """
        from plimsoll.entry import Response, rawhttp
        def init(): pass
        @rawhttp
        def run(request):
            print("SAW", request.method, request.full_path, request.headers.get("x-colour"), request.get_data())
            return Response("short and stout", 418) if request.get_data() == b"teapot" else "fine"
        """,
        "--warmup",
        str(rows),
    )
    server.wait_log("SAW POST /score?size=3 red b'x'")
    server.wait_log("SAW GET /score?size=4 None b''")
    server.wait_log("warm-up of 3 row(s) took")
    server.wait_log(", 0 failed")


def test_batches_are_warmed_as_batches(serve: Serve, rows: Path) -> None:
    rows.write_text('"one"\n"two"\n"three"\n')
    server = serve(
        """
        from plimsoll.entry import batch
        def init(): pass
        @batch(max_size=2)
        def run(bodies):
            print("SIZE", len(bodies))
            return bodies
        """,
        "--warmup",
        str(rows),
    )
    server.wait_log("SIZE 1")
    assert [line.split()[-1] for line in server.log().splitlines() if "SIZE" in line] == ["2", "1"]
    assert server.metric("plimsoll_batch_size_count") == 0


def test_streams_are_read_to_their_end(serve: Serve, rows: Path) -> None:
    rows.write_text('"one"\n')
    server = serve(
        """
        def init(): pass
        def run(data):
            for number in range(100):
                yield str(number)
            print("THE END")
        """,
        "--warmup",
        str(rows),
    )
    server.wait_log("THE END")
    assert server.post("/score", b"1").status == 200


@pytest.mark.parametrize(("text", "said"), [("", "no rows"), (None, "no such file or folder")])
def test_a_file_that_cannot_be_used(serve: Serve, rows: Path, text: str | None, said: str) -> None:
    if text is not None:
        rows.write_text(text)
    server = serve(SCRIPT, "--warmup", str(rows), wait=False)
    assert server.wait_exit() == 2
    server.wait_log(f"plimsoll: error: {rows}: {said}")
