"""A script that writes to the sockets of its worker: whatever it says, that worker ends, and a new one serves."""

from __future__ import annotations

import pytest

from plimsoll.workers import frames
from support.fixtures import Serve
from support.server import wait_for

SABOTEUR = """
    import json, os, socket, stat, time

    def sockets():
        for name in os.listdir("/proc/self/fd"):
            try:
                if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    yield socket.socket(fileno=os.dup(int(name)))
            except OSError:
                pass

    def init(): pass

    def run(data):
        asked = json.loads(data)
        if "say" not in asked:
            return data
        said = bytes.fromhex(asked["say"])
        for one in list(sockets())[asked["from"]:asked["to"]]:
            for _ in range(asked.get("times", 1)):
                one.send(said, socket.MSG_DONTWAIT)
        if "exit" in asked:
            os._exit(asked["exit"])
        time.sleep(100)
"""


def control_frame(text: str) -> str:
    """A well-formed frame around it, in hexadecimal."""
    return (frames._HEADER.pack(frames.Kind.CONTROL, 0, 0, 0, 0, len(text), 0, 0) + text.encode()).hex()


GARBAGE = {
    "nonsense": b"oops!".hex(),
    "no JSON": control_frame("}"),
    "no event": control_frame("{}"),
    "an unknown event": control_frame('{"event": "dance"}'),
    "an event that cannot be now": control_frame('{"event": "loaded"}'),
}


@pytest.mark.parametrize("ending", ["", ', "exit": 3'], ids=["and hangs", "and exits"])
@pytest.mark.parametrize("said", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_on_every_socket_is_the_end_of_that_worker_only(serve: Serve, said: str, ending: str) -> None:
    server = serve(SABOTEUR)
    (before,) = server.workers()
    reply = server.post("/score", f'{{"from": 0, "to": 99, "times": 20, "say": "{said}"{ending}}}'.encode())
    assert reply.status == 502
    assert reply.json()["code"] in ("worker_broke", "worker_died")
    wait_for(lambda: server.post("/score", b"{}").status == 200, "an answer of the next worker")
    (after,) = wait_for(lambda: len(found := server.workers()) == 1 and found, "one worker")
    assert after.pid != before.pid
    assert server.metric("plimsoll_queue_length") == server.metric("plimsoll_requests_in_flight") == 0
    assert server.metric("plimsoll_slots") == 1
    assert "Exception in callback" not in server.log()
    assert "Traceback" not in server.log()
