"""The server that does nothing, by which the driver's own limit is found: it must be right, however it is asked."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /score?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def noop() -> Iterator[int]:
    """Its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "plimsoll.profiling.load.noop"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    yield int(process.stdout.readline())
    process.communicate(timeout=20)
    assert process.returncode == 0, "it ends when nobody holds its stdin any more"


def said(port: int, *parts: bytes) -> bytes:
    """All that comes back for these bytes."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(20)
        for part in parts:
            connection.sendall(part)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(1 << 16):
            received += data
        return received


@pytest.mark.parametrize("request_", [GET, POST, CHUNKED], ids=["GET", "POST", "chunked"])
def test_as_many_answers_as_requests_however_they_are_sent(noop: int, request_: bytes) -> None:
    """Three at once, in one packet; RFC 9112, section 9.3.2: answered in their order."""
    assert said(noop, request_ * 3) == ANSWER * 3


def test_a_client_keeps_its_connection(noop: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", noop, timeout=20)
    for _ in range(3):
        connection.request("POST", "/score", b"x" * 1000)
        response = connection.getresponse()
        assert (response.status, response.read(), response.will_close) == (200, b"", False)
    connection.close()


def test_nothing_is_answered_before_all_of_it_is_there(noop: int) -> None:
    with socket.create_connection(("127.0.0.1", noop)) as connection:
        connection.sendall(POST[:-1])
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(20)
        connection.sendall(POST[-1:])
        assert connection.recv(1000) == ANSWER


def test_one_connection_does_not_wait_for_another(noop: int) -> None:
    with socket.create_connection(("127.0.0.1", noop)) as stuck, socket.create_connection(("127.0.0.1", noop)) as other:
        stuck.sendall(GET[:10])
        other.settimeout(20)
        other.sendall(GET)
        assert other.recv(1000) == ANSWER
