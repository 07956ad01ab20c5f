"""The clients: what they count, and what they refuse to count."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from benchmarks.load import streams, wrk
from benchmarks.load.figures import Client, LoadFailed, percentile
from benchmarks.load.probes import Probes

CLIENTS = pytest.mark.parametrize("client", [wrk.run, streams.run])


class Handler(BaseHTTPRequestHandler):
    """Answers in pieces: /closing ends with the connection, /chunked does not; /cut stops in the middle."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.protocol_version = "HTTP/1.0" if self.path == "/closing" else "HTTP/1.1"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500 if self.path == "/failing" else 200)
        if self.path == "/closing":
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
        else:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (body[:1], body[1:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"" if self.path == "/cut" else b"0\r\n\r\n")
        self.close_connection = self.path in {"/closing", "/cut"}

    def log_message(self, format: str, *args: object) -> None:
        pass


class Answering(ThreadingHTTPServer):
    """Takes all that come while it stood still: a connection that is not taken is tried again after seconds only."""

    request_queue_size = 512


@pytest.fixture
def port() -> Iterator[int]:
    with Answering(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "body"
    path.write_bytes(b"some text")
    return path


@pytest.mark.parametrize("path", ["/chunked", "/closing"])
@CLIENTS
def test_a_load_counts_its_answers(client: Client, path: str, port: int, body: Path) -> None:
    figures = client(port, path, body, "text/plain", 4, 2)
    assert figures.requests > 4
    # No more than a unit of time is told apart: a machine that stands still makes it longer.
    assert 0.9 < figures.seconds < 60
    assert 0 < figures.p50_ms <= figures.p99_ms
    # Four connections that never pause: Little's law, within what the first and last requests may cost.
    assert figures.requests * figures.p50_ms / 1e3 < 4 * figures.seconds * 2


def test_the_first_piece_comes_before_the_last(port: int, body: Path) -> None:
    figures = streams.run(port, "/chunked", body, "text/plain", 1, 1)
    assert figures.first_ms
    assert 0 < figures.first_ms <= figures.p50_ms


@pytest.mark.parametrize("path", ["/failing", "/cut"])
@CLIENTS
def test_a_failed_answer_fails_the_load(client: Client, path: str, port: int, body: Path) -> None:
    with pytest.raises(LoadFailed):
        client(port, path, body, "text/plain", 2, 1)


@CLIENTS
def test_a_refused_connection_fails_the_load(client: Client, body: Path) -> None:
    with pytest.raises(LoadFailed):
        client(1, "/", body, "text/plain", 2, 1)


def test_probes_wait_for_an_answer_and_take_no_other_than_200(port: int) -> None:
    with Probes(port, "/health", 1) as probes:
        assert 0 < probes.p99_ms() < 10_000
    with Probes(port, "/unwell", 1) as probes, pytest.raises(LoadFailed, match="503"):
        probes.p99_ms()


def test_percentiles_are_by_nearest_rank() -> None:
    """https://en.wikipedia.org/wiki/Percentile, the example of the nearest-rank method."""
    values = [15.0, 20.0, 35.0, 40.0, 50.0]
    random.Random(0).shuffle(values)
    found = [percentile(values, share) for share in (0.05, 0.30, 0.40, 0.50, 1.00)]
    assert found == [15.0, 20.0, 20.0, 35.0, 50.0]
    assert percentile([float(value) for value in range(1, 101)], 0.99) == 99.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)
