"""A server that answers with exactly the bytes, at the pace and with the ending that a test wants.

It knows just enough of HTTP to tell where a request ends. It runs in threads of the test.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

_BETWEEN_PARTS_S = 0.002
_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Said:
    """What comes back for one request, `parts` one after the other; `end` is what becomes of the connection then.

    `half` closes the server's side only, as shutdown(2) does; `reset` lets the kernel send a RST.
    """

    parts: tuple[bytes, ...] = ()
    end: Literal["keep", "close", "half", "reset"] = "keep"


Answer = Callable[[bytes], Said]


def ok(body: bytes = b"ok", *headers: str) -> bytes:
    """The usual answer."""
    head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


class RawServer:
    """`requests` are the bodies in the order in which they came; `answer` gets one and says what to do."""

    def __init__(self, answer: Answer, receive_buffer_bytes: int | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        if receive_buffer_bytes is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.heads: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._open: list[socket.socket] = []
        self._stopped = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stop(self) -> None:
        """From now on connections are refused; those that there are end."""
        self._stopped = True
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            if self._stopped:
                connection.close()
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._threads.append(threading.Thread(target=self._talk, args=(connection,)))
            self._threads[-1].start()

    def _talk(self, connection: socket.socket) -> None:
        unread = b""
        with connection, contextlib.suppress(OSError):
            while (request := self._read(connection, unread)) is not None:
                head, body, unread = request
                self.heads.append(head)
                self.requests.append(body)
                if not self._say(connection, self._answer(body)):
                    return

    def _read(self, connection: socket.socket, unread: bytes) -> tuple[bytes, bytes, bytes] | None:
        """Head, body and what came behind it; None where nothing more comes."""
        while _HEAD_END not in unread:
            if not (data := connection.recv(1 << 16)):
                return None
            unread += data
        head, _, rest = unread.partition(_HEAD_END)
        length = _content_length(head)
        while len(rest) < length:
            if not (data := connection.recv(1 << 16)):
                return None
            rest += data
        return head, rest[:length], rest[length:]

    def _say(self, connection: socket.socket, said: Said) -> bool:
        for part in said.parts:
            connection.sendall(part)
            if len(said.parts) > 1:
                time.sleep(_BETWEEN_PARTS_S)
        if said.end == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if said.end == "half":
            connection.shutdown(socket.SHUT_WR)
        return said.end in ("keep", "half")


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


@contextmanager
def raw_server(answer: Answer, receive_buffer_bytes: int | None = None) -> Iterator[RawServer]:
    """Runs until the test is over."""
    server = RawServer(answer, receive_buffer_bytes)
    try:
        yield server
    finally:
        server.stop()
