"""A worker whose init() fails when it is started again: refused with the reason, and back as soon as init() can."""

from __future__ import annotations

from pathlib import Path

from support.fixtures import Serve
from support.load import Load
from support.server import wait_for

GATED = """
    import json, os
    def init():
        if os.path.exists("closed"):
            raise RuntimeError("no model today")
    def run(data): return json.loads(data)
"""


def test_init_that_fails_on_respawn_refuses_with_the_reason_until_it_can(serve: Serve, tmp_path: Path) -> None:
    server = serve(GATED)
    gate = tmp_path / "closed"
    with Load(server.port, clients=4) as load:
        load.wait_sent(50)
        gate.touch()
        server.workers()[0].kill()
        wait_for(lambda: load.outcomes["503"] > 0, "a refusal")
        reply = server.post("/score", b"1")
        assert (reply.status, reply.json()["code"]) == (503, "not_ready")
        assert "no model today" in reply.json()["message"]
        assert "no model today" in server.get("/health/ready").json()["reason"]
        assert server.get("/health/live").status == 200
        gate.unlink()
        server.wait_ready()
        load.wait_sent(50)
    assert load.wrong == []
    assert sum(load.outcomes.values()) == load.sent
    assert set(load.outcomes) <= {"200", "502", "503"}
    assert load.outcomes["502"] <= 1, "only the call that ran when the worker was killed"
    assert server.metric("plimsoll_worker_restarts_total", reason="start_failed") >= 1
