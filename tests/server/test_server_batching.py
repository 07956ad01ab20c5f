"""Batches: as big as the queue is when a slot frees, each result to its caller."""

from __future__ import annotations

import threading

from support.fixtures import Serve
from support.load import Load
from support.server import Reply, Server, wait_for

SLOW = """
    import json, os, time
    from plimsoll.entry import batch
    def init(): pass
    @batch(max_size=8)
    def run(data):
        print("batch of", len(data))
        time.sleep(0.2)
        while os.path.exists("closed"): time.sleep(0.01)
        return [ValueError("bad") if json.loads(item) == "bad" else json.loads(item) for item in data]
"""


def all_at_once(server: Server, bodies: list[bytes]) -> list[Reply]:
    replies: dict[int, Reply] = {}

    def call(number: int) -> None:
        replies[number] = server.post("/score", bodies[number])

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [replies[number] for number in range(len(bodies))]


def test_what_waits_is_taken_together_and_goes_back_to_its_callers(serve: Serve) -> None:
    server = serve(SLOW)
    gate = server.script.parent / "closed"
    gate.touch()

    def open_the_gate() -> None:
        wait_for(lambda: server.metric("plimsoll_queue_length") >= 20 - 8, "all but one batch in the queue")
        gate.unlink()

    opener = threading.Thread(target=open_the_gate)
    opener.start()
    replies = all_at_once(server, [b"%d" % number for number in range(20)])
    opener.join()
    assert [reply.json() for reply in replies] == list(range(20))
    assert server.metric("plimsoll_batch_size_sum") == 20
    assert server.metric("plimsoll_batch_size_count") < 10
    assert server.metric("plimsoll_batch_size_bucket", le="8.0") == server.metric("plimsoll_batch_size_count")


def test_batches_may_be_kept_smaller_than_the_script_allows(serve: Serve) -> None:
    server = serve(SLOW, "--max-batch-size", "3")
    replies = all_at_once(server, [b"%d" % number for number in range(12)])
    assert [reply.json() for reply in replies] == list(range(12))
    assert server.metric("plimsoll_max_batch_size") == 3
    assert server.metric("plimsoll_batch_size_bucket", le="4.0") == server.metric("plimsoll_batch_size_count")
    assert server.metric("plimsoll_batch_size_count") >= 4
    count = server.metric("plimsoll_batch_seconds_count")
    assert count == server.metric("plimsoll_batch_size_count")
    assert server.metric("plimsoll_batch_seconds_sum") >= 0.2 * count, "per batch, not per call"


def test_more_than_the_script_takes_is_never_given(serve: Serve) -> None:
    assert serve(SLOW, "--max-batch-size", "50").metric("plimsoll_max_batch_size") == 8


def test_one_call_does_not_wait_for_others(serve: Serve) -> None:
    server = serve(SLOW)
    server.post("/score", b"1")
    assert server.metric("plimsoll_batch_size_bucket", le="1.0") == 1


def test_a_slot_may_wait_for_a_batch_to_fill(serve: Serve) -> None:
    server = serve(SLOW.replace("max_size=8", "max_size=8, max_wait_ms=60000"))
    replies = all_at_once(server, [b"%d" % number for number in range(8)])
    assert [reply.status for reply in replies] == [200] * 8
    assert server.metric("plimsoll_batch_size_count") == 1


def test_a_bad_item_fails_alone(serve: Serve) -> None:
    replies = all_at_once(serve(SLOW), [b"1", b'"bad"', b"2", b"\xff", b"3"])
    assert [reply.status for reply in replies] == [200, 500, 200, 400, 200]
    assert [reply.json() for reply in replies if reply.status == 200] == [1, 2, 3]
    assert {reply.json()["code"] for reply in replies if reply.status != 200} == {"script_failed", "bad_request"}


def test_results_never_go_astray_under_load(serve: Serve) -> None:
    server = serve(SLOW.replace("0.2", "0.005"), "--workers", "2")
    with Load(server.port, clients=16) as load:
        load.wait_sent(800)
    assert set(load.outcomes) == {"200"}
    assert load.wrong == []
    assert server.metric("plimsoll_batch_size_sum") > server.metric("plimsoll_batch_size_count")


def test_a_stuck_batch_is_answered_whole_and_the_rest_is_run(serve: Serve) -> None:
    server = serve(
        """
        import json, os, time
        from plimsoll.entry import batch
        def init(): pass
        @batch(max_size=2)
        def run(data):
            orders = [json.loads(item) for item in data]
            while -1 in orders and not os.path.exists("go"): time.sleep(0.01)
            time.sleep(max(0, *orders))
            return orders
        """,
        *("--scoring-timeout-ms", "4000"),
    )
    first = threading.Thread(target=server.post, args=("/score", b"-1"))
    first.start()
    wait_for(lambda: server.metric("plimsoll_requests_in_flight") == 1, "a running call")
    replies: dict[bytes, Reply] = {}
    threads = []
    for number, body in enumerate([b"100", b"101", b"0", b"0.1"], start=1):
        threads.append(threading.Thread(target=lambda body=body: replies.update({body: server.post("/score", body)})))
        threads[-1].start()
        wait_for(lambda number=number: server.metric("plimsoll_queue_length") == number, "one more in the queue")
    (server.script.parent / "go").touch()
    for thread in [first, *threads]:
        thread.join()
    assert {body: reply.status for body, reply in replies.items()} == {b"100": 504, b"101": 504, b"0": 200, b"0.1": 200}
