"""slowhttptest in its four modes: while it holds connections, everybody else is answered, and nothing is left of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from http_servers import echo_server

from support.server import Server, wait_for

_CONNECTIONS = 300
_SECONDS = 3
_LIMITS = ("--head-timeout", "1.5", "--body-timeout", "1.5", "--keep-alive", "2")
_MODES = {
    "heads that drip": ("-H", "/score"),
    "bodies that drip": ("-B", "/score", "-s", "8192"),
    "very many ranges": ("-R", "/score", "-t", "GET", "-a", "1", "-b", "300"),
    "answers read slowly": ("-X", "/openapi.json", "-w", "1", "-y", "16", "-n", "1", "-z", "16", "-k", "5"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with echo_server(tmp_path_factory.mktemp("slow"), *_LIMITS) as running:
        yield running


@pytest.mark.parametrize("flags", _MODES.values(), ids=_MODES.keys())
def test_slow_clients_hold_up_nobody_and_leave_nothing(server: Server, flags: tuple[str, ...], tmp_path: Path) -> None:
    before, counted = server.front().memory_info().rss, server.metric("plimsoll_requests_total")
    with _slowhttptest(server, flags, tmp_path) as attack:
        answered = _answered_until(server, lambda: attack.poll() is not None)
    assert attack.returncode == 0
    assert server.metric("plimsoll_requests_total") - counted - answered > _CONNECTIONS / 2, "nobody was slow"
    assert answered > 10, "the others were hardly answered"
    wait_for(lambda: _connections(server) == 0, "the end of the slow connections")
    assert server.metric("plimsoll_requests_in_flight") == server.metric("plimsoll_queue_length") == 0
    assert server.front().memory_info().rss - before < 40e6
    assert "Traceback" not in server.log()


@contextmanager
def _slowhttptest(server: Server, flags: tuple[str, ...], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`-p 60`: its own verdict on whether the server can be reached is not asked for; the others give it."""
    mode, path, *rest = flags
    extent = ("-c", str(_CONNECTIONS), "-r", str(_CONNECTIONS), "-l", str(_SECONDS), "-i", "1", "-p", "60", "-v", "1")
    url = f"http://127.0.0.1:{server.port}{path}"
    with (folder / "said").open("wb") as said:
        command = ["slowhttptest", mode, *extent, "-u", url, *rest]
        with subprocess.Popen(command, cwd=folder, stdout=said, stderr=said) as process:
            try:
                yield process
            finally:
                process.kill()
                print((folder / "said").read_text()[-2_000:])


def _answered_until(server: Server, is_over: Callable[[], bool]) -> int:
    """How many requests were answered; each of them was."""
    answered = 0
    while not is_over():
        body, began_s = b"%d" % answered, time.monotonic()
        try:
            reply = server.post("/score", body)
        except ConnectionError:
            # A machine that stands still between connecting and sending makes this client a slow one as well.
            assert time.monotonic() - began_s > 1.0
            continue
        assert (reply.status, reply.body) == (200, body)
        answered += 1
        time.sleep(0.01)
    return answered


def _connections(server: Server) -> int:
    return sum(one.status != "LISTEN" for one in server.front().net_connections("tcp"))
