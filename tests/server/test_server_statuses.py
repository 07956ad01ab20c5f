"""Statuses with a rule of their own, and answers that cannot be one."""

from __future__ import annotations

import http.client
import socket

import pytest

from support.fixtures import Serve

ANY_STATUS = """
    import json
    from plimsoll.entry import Response, rawhttp
    def init(): pass
    @rawhttp
    def run(request):
        asked = json.loads(request.get_data())
        body = iter(["a", "b"]) if asked.get("stream") else asked.get("body", "")
        return Response(body, status=asked["status"])
"""


def exchange(port: int, *bodies: bytes) -> bytes:
    """Everything that comes back on one connection, for requests sent one after the other."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        for place, body in enumerate(bodies):
            close = b"connection: close\r\n" if place == len(bodies) - 1 else b""
            head = b"POST /score HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n" % (close, len(body))
            connection.sendall(head + body)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("extra", [b"", b', "body": "not allowed"', b', "stream": true'])
def test_an_answer_without_content_has_no_length_and_no_body(serve: Serve, status: int, extra: bytes) -> None:
    """RFC 9110 §8.6: no Content-Length with 204; §15.3.5 and §15.4.5: such a response ends with its headers."""
    said = exchange(serve(ANY_STATUS).port, b'{"status": %d%b}' % (status, extra), b'{"status": 200, "body": "next"}')
    first, _, rest = said.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d" % status)
    assert b"content-length" not in first.lower()
    assert b"transfer-encoding" not in first.lower()
    assert rest.startswith(b"HTTP/1.1 200"), "nothing stands between this answer and the next"
    assert rest.endswith(b"next")


def test_an_empty_answer_of_another_status_says_that_it_is_empty(serve: Serve) -> None:
    assert b"content-length: 0\r\n" in exchange(serve(ANY_STATUS).port, b'{"status": 200}')


@pytest.mark.parametrize("status", [99, 101, 600, 999])
def test_a_status_that_http_does_not_know_is_a_500_with_the_reason(serve: Serve, status: int) -> None:
    server = serve(ANY_STATUS)
    reply = server.post("/score", b'{"status": %d}' % status)
    assert reply.status == http.client.INTERNAL_SERVER_ERROR
    assert reply.json()["code"] == "unusable_result"
    server.wait_log(str(status))
    assert server.metric("plimsoll_requests_total", outcome="unusable_result", status="500") == 1
    assert server.post("/score", b'{"status": 201}').status == 201
