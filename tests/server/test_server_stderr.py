"""Python's development mode reports what is otherwise passed over in silence: nothing of the server."""

from __future__ import annotations

import signal

from support.fixtures import Serve
from support.server import Server, free_port, wait_for

DEVELOPMENT = {"PYTHONDEVMODE": "1"}
"""Shows every deprecated use, and every descriptor that its owner finds closed already ("Exception ignored")."""
OUTDATED = """
    import warnings
    def init(): warnings.warn("the script's own", DeprecationWarning)
    def run(data): return data
"""


def complaints(server: Server) -> list[str]:
    return [line for line in server.log().splitlines() if "DeprecationWarning: " in line or "Exception ignored" in line]


def test_from_start_to_end_nothing_deprecated_is_used(serve: Serve) -> None:
    server = serve(OUTDATED, *("--threads", "2", "--health-port", str(free_port())), env=DEVELOPMENT)
    assert server.post("/score", b"1").status == 200
    first = server.workers()[0].pid
    server.signal(signal.SIGHUP)
    wait_for(lambda: first not in [worker.pid for worker in server.workers()], "a fresh worker")
    assert server.post("/score", b"1").status == 200
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert len(complaints(server)) == 2  # that of the script, from each worker
    assert all(line.endswith("the script's own") for line in complaints(server))


def test_no_descriptor_is_closed_twice_when_a_script_cannot_start(serve: Serve) -> None:
    """The listening sockets are gunicorn's from the start; what has their numbers later is not ours to close."""
    server = serve("def init(): raise ValueError\ndef run(data): pass", wait=False, env=DEVELOPMENT)
    assert server.wait_exit() == 3
    assert complaints(server) == []
