"""A worker that cannot be started for want of descriptors is started as soon as there are some."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest

from support.fixtures import Serve
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
    wait_for(lambda: not worker.is_running(), "renewal")
    server.wait_ready()
    (worker,) = server.workers()
    open_before = front.num_fds()
    highest = max(int(one.name) for one in Path(f"/proc/{front.pid}/fd").iterdir())
    front.rlimit(psutil.RLIMIT_NOFILE, (highest + 1 + left - 9, found[1]))  # nine go back with the worker
    worker.kill()
    time.sleep(1.5)
    front.rlimit(psutil.RLIMIT_NOFILE, found)
    wait_for(lambda: server.is_ready(), "readiness", patience_s=20)
    assert psutil.pid_exists(server.post("/score", b"").json())
    assert len(server.workers()) == 1
    server.wait_log("worker-0 cannot be started (Too many open files); trying again")
    wait_for(lambda: front.num_fds() <= open_before, "all descriptors given back", patience_s=20)
