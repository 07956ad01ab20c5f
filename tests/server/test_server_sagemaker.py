"""What Amazon SageMaker asks of a container: `serve`, /ping and /invocations.

After the page "Custom inference code with hosting services" of its developer guide.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from support.fixtures import Serve
from support.server import Server, wait_for

ECHO = """
    import json
    def init(): pass
    def run(data): return json.loads(data)
"""
SLOW = """
    import time
    def init(): time.sleep(3600)
    def run(data): return data
"""


def test_invocations_are_scored_and_counted_like_all_others(serve: Serve) -> None:
    server = serve(ECHO)
    for path in ("/invocations", "/invocations?a=1", "/%69nvocations"):
        reply = server.post(path, b'{"rows": [1]}')
        assert (reply.status, reply.json()) == (200, {"rows": [1]})
    assert server.post("/invocations/", b"1").status == 404
    assert server.metric("plimsoll_requests_total", route="/score", outcome="ok") == 3


def test_keys_are_asked_for_there_too(serve: Serve, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("a-key-0123456789\n")
    server = serve(ECHO, "--api-keys-file", str(keys))
    assert server.post("/invocations", b"1").status == 401
    assert server.get("/ping").status == 200


def test_a_ping_says_whether_it_is_ready(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(textwrap.dedent(SLOW))
    with Server(script, wait=False) as server:
        wait_for(lambda: _answers(server), "an open port")
        assert server.get("/ping").status == 503
    script.write_text(textwrap.dedent(ECHO))
    with Server(script) as server:
        assert server.get("/ping").status == 200


def _answers(server: Server) -> bool:
    try:
        return server.get("/health/live").status == 200
    except OSError:
        return False


def test_the_word_serve_is_what_is_done_anyway(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(textwrap.dedent(ECHO))
    with Server(script, before=f'shift 3; set -- {sys.executable} -m plimsoll serve "$@";') as server:
        assert server.post("/invocations", b"7").json() == 7
