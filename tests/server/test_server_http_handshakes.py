"""A listening socket before it closes: nobody new is heard, and who is connected already still is."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from plimsoll.server.http.handshakes import ends_here, hear, stop_handshakes

HOSTS = ["127.0.0.1", "::1"]


@pytest.fixture(params=HOSTS)
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as made:
        try:
            made.bind((request.param, 0))
        except OSError as error:
            pytest.skip(f"{request.param}: {error}")
        made.listen()
        yield made


def test_only_who_is_connected_already_is_heard(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()[:2]) as early:
        stop_handshakes(listener)
        with pytest.raises(TimeoutError):
            socket.create_connection(listener.getsockname()[:2], timeout=0.3)
        early.sendall(b"first")
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.recv(5) == b"first"


def test_whose_handshake_ended_late_is_heard_once_it_is_accepted(listener: socket.socket) -> None:
    """As the kernel does it, the connection has the listener's limit."""
    with socket.create_connection(listener.getsockname()[:2]) as client:
        accepted, _ = listener.accept()
        with accepted:
            stop_handshakes(accepted)
            client.sendall(b"late")
            accepted.settimeout(0.2)
            with pytest.raises(TimeoutError):
                accepted.recv(4)
            hear(accepted)
            accepted.settimeout(30)
            assert accepted.recv(4) == b"late", "the client sends it again by itself"


def test_a_socket_ends_here_unless_the_parent_holds_it(listener: socket.socket) -> None:
    program = "import socket, sys; from plimsoll.server.http.handshakes import ends_here\n"
    program += "print(ends_here(socket.socket(fileno=int(sys.argv[1]))))"
    copy = os.dup(listener.fileno())
    try:
        command = [sys.executable, "-c", program, str(copy)]
        held = subprocess.run(command, pass_fds=(copy,), capture_output=True, text=True, check=True)
    finally:
        os.close(copy)
    assert held.stdout == "False\n"
    assert ends_here(listener), "the parent of the tests does not"
