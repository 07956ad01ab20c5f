"""A load that accounts for every single request: each ends as a status or as a named connection error."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
from collections import Counter
from types import TracebackType


class Load:
    """`clients` connections post numbered bodies and expect the same bytes back, until the block is left."""

    def __init__(self, port: int, clients: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(clients)]
        self.outcomes: Counter[str] = Counter()
        self.wrong: list[bytes] = []
        self.sent = 0

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """No new requests."""
        self._over.set()

    def wait_sent(self, count: int) -> None:
        """Until `count` more requests have been answered."""
        goal = sum(self.outcomes.values()) + count
        deadline = time.monotonic() + 60
        while sum(self.outcomes.values()) < goal:
            assert time.monotonic() < deadline, self.outcomes
            time.sleep(0.01)

    def _client(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        count = 0
        while not self._over.is_set():
            count += 1
            self._account(*self._one(connection, b'{"client": %d, "request": %d}' % (number, count)))
        connection.close()

    def _one(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[str, bytes]:
        with self._lock:
            self.sent += 1
        try:
            connection.request("POST", "/score", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            with contextlib.suppress(OSError):
                connection.close()
            return type(error).__name__, b""
        return str(response.status), b"" if response.status != 200 or answer == body else body + b" got " + answer

    def _account(self, outcome: str, wrong: bytes) -> None:
        with self._lock:
            self.outcomes[outcome] += 1
            if wrong:
                self.wrong.append(wrong)
