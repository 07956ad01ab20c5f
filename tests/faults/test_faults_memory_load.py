"""A memory limit that is reached while serving: by a call of the script, or by what clients send to the front.

The limit is a control group's, so that the kernel ends somebody: a worker, since workers offer to die first, and
the front only where no worker is left to end.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from plimsoll.host.cgroups.groups import LimitedGroup, LimitsUnavailable, delegate
from storm.audit import complaints_of_clients
from storm.load import Load
from storm.requests import asking, posted
from storm.shapes import Shape, prepared
from support.server import Server, wait_for

LIMIT_BYTES = 250 * 2**20
_LANES = 4


@pytest.fixture
def group() -> Iterator[LimitedGroup]:
    try:
        with delegate() as delegation, delegation.group(f"plimsoll-test-{os.getpid()}-load") as made:
            made.limit_memory(LIMIT_BYTES)
            yield made
    except LimitsUnavailable as reason:
        pytest.skip(f"no memory limit can be set here: {reason}")


@contextlib.contextmanager
def served(folder: Path, group: LimitedGroup, *flags: str) -> Iterator[Server]:
    before = "".join(f"echo $$ > {door};" for door in group.doors)
    with Server(prepared(folder), *flags, before=before) as server:
        yield server


def test_a_call_that_takes_too_much_is_ended_and_costs_the_calls_beside_it(tmp_path: Path, group: LimitedGroup) -> None:
    tries = 3
    shape = Shape("small", lanes=_LANES, only=("work", "say", "fail", "nowhere"))
    with served(tmp_path, group, "--workers", "2") as server:
        front = server.front()
        running = Load(server.port, "oom", shape, 10**9)
        for number in range(tries):
            wait_for(lambda: len(server.workers()) == 2 and server.is_ready(), "both workers")
            reply = server.post("/score", asking("take_memory", f"{number:016x}", 4 * LIMIT_BYTES))
            assert (reply.status, reply.json()["code"]) == (502, "worker_died")
            assert "SIGKILL" in reply.json()["message"]
        told = running.stop()
        assert server.front() == front, "the front lives on"
        assert group.use().oom_kills >= tries
        assert complaints_of_clients(Counter(told["outcomes"]), tries, [], _LANES, 1) == []
        server.wait_log("out of memory, the memory limit of 250 MiB was reached")
        server.wait_ready()


def test_clients_that_fill_the_memory_are_the_ones_who_lose(tmp_path: Path, group: LimitedGroup) -> None:
    """Bodies that are never complete, four times the limit in all: a quarter of it is what all of them can take.

    The others are not read on, and refused after a while. Then they leave, and everything is as before.
    """
    body = asking("echo", f"{0:016x}", 0) + b"x" * 60_000_000
    with served(tmp_path, group, "--workers", "1") as server:
        with contextlib.ExitStack() as held:
            for _ in range(16):
                client = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=30))
                client.settimeout(1)  # nobody reads it on where there is no memory
                with contextlib.suppress(OSError):
                    client.sendall(posted(body) + body[:-1])
            wait_for(lambda: server.metric("plimsoll_requests_total", outcome="buffers_full") > 0, "a refusal")
            assert server.metric("plimsoll_body_memory_bytes") <= LIMIT_BYTES / 4
        assert psutil.pid_exists(server.process.pid), "the master lives on"
        server.wait_ready()
        wait_for(lambda: len(server.workers()) == 1, "a worker")
        reply = server.post("/score", asking("echo", f"{7:016x}", 0))
        assert reply.status == 200
        assert group.use().oom_kills == 0
