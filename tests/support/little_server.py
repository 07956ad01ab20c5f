"""A little HTTP server of known behaviour for the load driver; it runs in a thread of the test."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LittleServer(ThreadingHTTPServer):
    """Counts the bodies it got. A body tells what to do with it: `sleep 0.1`, `status 500`, `close`, `once`, `cut`."""

    daemon_threads = True
    # The library's 5 are too few for connections that come together: one that finds no room is tried again a second
    # later.
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: Counter[str] = Counter()
        self.order: list[str] = []
        self.connections = 0
        self.most_at_once = 0
        self.at_once = 0
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: else the second waits 40 ms for the delayed acknowledgement of the first.
    wbufsize = -1
    server: LittleServer

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with self.server.lock:
            self.server.seen[body] += 1
            self.server.order.append(body)
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        try:
            self._answer(body)
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    def _answer(self, body: str) -> None:
        word, _, argument = body.partition(" ")
        if word == "sleep":
            time.sleep(float(argument))
        if word == "cut":
            self.close_connection = True
            return
        if word == "close":
            self.close_connection = True
        self._send(int(argument) if word == "status" else 200, word == "close", f"answer to {body}".encode())

    def _send(self, status: int, closing: bool, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if closing:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Silence."""


@contextmanager
def little_server() -> Iterator[LittleServer]:
    """Runs until the test is over."""
    server = LittleServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
