"""A worker that cannot be started for want of descriptors is started as soon as there are some."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest

from support.fixtures import Serve
from support.living import living
from support.server import wait_for

PID = """
    import os
    def init(): pass
    def run(data): return os.getpid()
"""


@pytest.mark.parametrize("left", range(-6, 4))
def test_out_of_descriptors_the_next_worker_is_tried_again(serve: Serve, left: int) -> None:
    """Wherever in the start the last descriptor goes: none is lost, and no process."""
    server = serve(PID)
    front, worker = server.front(), psutil.Process(server.post("/score", b"").json())
    found = front.rlimit(psutil.RLIMIT_NOFILE)
    server.signal(signal.SIGHUP)  # whatever is loaded late is loaded now
    wait_for(lambda: not living([worker]), "renewal")
    server.wait_ready()
    (worker,) = server.workers()
    open_before = front.num_fds()
    highest = max(int(one.name) for one in Path(f"/proc/{front.pid}/fd").iterdir())
    front.rlimit(psutil.RLIMIT_NOFILE, (highest + 1 + left - 9, found[1]))  # nine go back with the worker
    worker.kill()
    server.wait_log("worker-0 cannot be started (Too many open files); trying again")
    time.sleep(1.0)  # and again
    front.rlimit(psutil.RLIMIT_NOFILE, found)
    wait_for(lambda: server.is_ready(), "readiness")
    assert psutil.pid_exists(server.post("/score", b"").json())
    assert len(server.workers()) == 1
    wait_for(lambda: front.num_fds() <= open_before, "all descriptors given back")
