"""Replicas behind real load balancers: what is lost when one is killed, and when all are replaced one by one."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from support.balancers import haproxy, nginx
from support.load import Load
from support.server import Server, free_port

CALL_S = 0.02
THREADS = 2
REPLICAS = 3
CLIENTS = 12
# What the manifest writes for such a server: the port stays open until every balancer has seen it go.
DRAIN = ("--drain-seconds", "1")
LEAST_SHARE = 0.85
"""Of the rate of one replica, for each of several."""


def sleeper(call_s: float) -> str:
    return f"""
import json, time
def init(): pass
def run(data):
    time.sleep({call_s})
    return json.loads(data)
"""


@contextlib.contextmanager
def replica(script: Path, port: int, *flags: str) -> Iterator[Server]:
    server = Server(script, "--threads", str(THREADS), *DRAIN, *flags, "--port", str(port))
    server.port = port
    with server:
        yield server


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "score.py"
    path.write_text(sleeper(CALL_S))
    return path


@contextlib.contextmanager
def balanced(kind: str, folder: Path, ports: list[int]) -> Iterator[int]:
    """No more calls at a time than there are slots, where the balancer can keep to that."""
    with haproxy(folder, ports, THREADS) if kind == "haproxy" else nginx(folder, ports) as port:
        yield port


def killed_at_once(server: Server) -> None:
    """As a container is: no process of it outlives the others for long enough to take another connection.

    The master holds the listening socket as well. It goes while nobody can answer; the front then closes the last one.
    """
    family = [server.front(), *server.workers()]
    for process in (psutil.Process(server.process.pid), *family):
        process.suspend()
    server.process.kill()
    server.process.wait()
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):  # its guardian may have been there before
            process.kill()


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_a_killed_replica_takes_only_what_it_had_in_its_hands(kind: str, tmp_path: Path, script: Path) -> None:
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(replica(script, free_port())) for _ in range(REPLICAS)]
        port = stack.enter_context(balanced(kind, tmp_path, [server.port for server in servers]))
        with Load(port, CLIENTS) as load:
            load.wait_sent(100)
            killed_at_once(servers[1])
            load.wait_sent(300)
        lost = sum(load.outcomes.values()) - load.outcomes["200"]
        # Its share of the clients: what it ran, and what reached its socket while it died.
        hands = CLIENTS // REPLICAS + 1
        print(f"{kind}: {dict(load.outcomes)}, up to {hands} in its hands")
        assert lost <= hands
        assert load.wrong == []


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_replicas_are_replaced_one_by_one_without_a_failed_request(kind: str, tmp_path: Path, script: Path) -> None:
    ports = [free_port() for _ in range(REPLICAS)]
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(replica(script, at)) for at in ports]
        port = stack.enter_context(balanced(kind, tmp_path, ports))
        with Load(port, CLIENTS) as load:
            for old in servers:
                load.wait_sent(100)
                old.signal(signal.SIGTERM)
                assert old.wait_exit() == 0
                stack.enter_context(replica(script, old.port))
            load.wait_sent(100)
        print(f"{kind}: {dict(load.outcomes)}")
        assert set(load.outcomes) == {"200"}
        assert load.wrong == []


def test_three_replicas_answer_three_times_as_many_as_one(tmp_path: Path) -> None:
    """Calls that sleep, more clients than slots: what is compared is how calls are spread, not this machine's speed.

    They sleep long enough that a machine at a fraction of its speed has CPU to spare at three times the rate; where it
    stood still in one of the two measurements, both are made once more.
    """
    script = tmp_path / "score.py"
    script.write_text(sleeper(5 * CALL_S))
    shares: list[float] = []
    while len(shares) < 3 and max(shares, default=0.0) <= LEAST_SHARE:
        one_rps, all_rps = (rate_rps(tmp_path / f"{len(shares)}-{count}", script, count) for count in (1, REPLICAS))
        shares.append(all_rps / (REPLICAS * one_rps))
        print(f"requests/s: {one_rps:.1f} of one replica, {all_rps:.1f} of {REPLICAS}")
    assert max(shares) > LEAST_SHARE


def rate_rps(folder: Path, script: Path, count: int) -> float:
    """What so many replicas answer behind a balancer, whose files come to `folder`."""
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(replica(script, free_port())) for _ in range(count)]
        port = stack.enter_context(balanced("haproxy", folder, [server.port for server in servers]))
        with Load(port, CLIENTS) as load:
            load.wait_sent(10 * count)
            begun_s = time.monotonic()
            load.wait_sent(60 * count)
            return 60 * count / (time.monotonic() - begun_s)
