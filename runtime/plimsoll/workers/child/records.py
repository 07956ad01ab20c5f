"""A worker's end of the channel for records: run() never waits for it.

A record goes to the front at once where its socket has room, which costs one system call. Else it waits in this
process, where a thread sends it on; what finds no room here either is dropped and counted, and the front is told.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from plimsoll.entry.collection.recorder import Recorder, install
from plimsoll.workers import frames
from plimsoll.workers.child.marked_lines import request_id
from plimsoll.workers.frames import Flag, Frame, Kind

HELD_BYTES = 16 * 2**20
_PIECE_BYTES = 60 * 1024


class RecordsChannel:
    """`put` may be called on any thread."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        self._changed = threading.Condition()
        self._waiting: deque[tuple[bytes, bytes]] = deque()
        self._held_bytes = 0
        self._dropped = 0
        self._told_dropped = 0
        self._closing = False
        self._thread: threading.Thread | None = None
        os.register_at_fork(after_in_child=self._let_go)

    def put(self, name: bytes, line: bytes) -> bool:
        """False where the record is dropped."""
        if self._closing:
            return False
        with self._changed:
            if not self._waiting and len(line) <= _PIECE_BYTES and self._sent_now(name, line):
                return True
            if self._held_bytes + len(line) > HELD_BYTES or not self._has_thread():
                self._dropped += 1
                return False
            self._waiting.append((name, line))
            self._held_bytes += len(line)
            self._changed.notify()
            return True

    def close(self) -> None:
        """Sends what waits. The front ends a worker that takes too long for that."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        with suppress(OSError):
            if self._dropped != self._told_dropped:
                frames.send(self._socket, self._frame(b"", b""))
            self._socket.close()

    def _let_go(self) -> None:
        """In a process that the script has forked, perhaps while another thread held the lock."""
        self._closing = True
        self._changed = threading.Condition()
        with suppress(OSError):
            self._socket.close()

    def _sent_now(self, name: bytes, line: bytes) -> bool:
        try:
            frames.send(self._socket, self._frame(name, line), socket.MSG_DONTWAIT)
        except OSError:
            return False
        self._told_dropped = self._dropped
        return True

    def _frame(self, name: bytes, piece: bytes, flags: int = Flag.NONE) -> Frame:
        return Frame(Kind.RECORD, 0, name, piece, flags, run_ns=self._dropped)

    def _has_thread(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._send_all, name="records", daemon=True)
            with suppress(RuntimeError):  # the limit on processes is reached
                thread.start()
                self._thread = thread
        return self._thread is not None

    def _send_all(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if not self._waiting:
                    return
                name, line = self._waiting[0]
            self._send(name, line)
            with self._changed:
                self._waiting.popleft()
                self._held_bytes -= len(line)

    def _send(self, name: bytes, line: bytes) -> None:
        """In pieces that fit a message; the front is gone where that fails, and the worker ends with it."""
        pieces = [line[at : at + _PIECE_BYTES] for at in range(0, len(line), _PIECE_BYTES)]
        with suppress(OSError):
            for piece in pieces[:-1]:
                frames.send(self._socket, self._frame(name, piece, Flag.MORE))
            frames.send(self._socket, self._frame(name, pieces[-1]))


def collect_records(orders: Mapping[str, Any]) -> RecordsChannel:
    """Before the script is loaded, as the front has ordered: see RecordsSpec."""
    channel = RecordsChannel(orders["descriptor"])
    instance = f"{socket.gethostname()}-{os.urandom(4).hex()}"
    source, rate, names = orders["source"], orders["sampling_rate"], orders["names"]
    install(Recorder(channel.put, source, instance, rate, names, request_id))
    return channel
