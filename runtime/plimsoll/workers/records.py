"""The front's end of a worker's channel for records."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

from plimsoll.workers import frames
from plimsoll.workers.frames import Flag, Frame, Kind, MalformedFrame

_READS_PER_WAKE_UP = 32
_READS_AT_THE_END = 1 << 16
"""What a worker held when it ended, and more than a process that it has left behind may add."""
_LARGEST_BYTES = 64 * 2**20


class Taker(Protocol):
    on_record: Callable[[str, bytes], None]
    on_dropped_records: Callable[[int], None]


class RecordsReader:
    """Takes a few records at a time: requests come first."""

    def __init__(self, sock: socket.socket, taker: Taker) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._taker = taker
        self._buffer = bytearray(frames.MESSAGE_BYTES)
        self._pieces: list[bytes] = []
        self._size = 0
        self._dropped = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._on_readable)

    def close(self) -> None:
        """The worker has ended; what it has sent is still there."""
        self._loop.remove_reader(self._socket.fileno())
        for _ in range(_READS_AT_THE_END):
            if not self._read():
                break
        self._socket.close()

    def _on_readable(self) -> None:
        for _ in range(_READS_PER_WAKE_UP):
            if not self._read():
                break

    def _read(self) -> bool:
        """False when nothing is there now; what is no record is the end of the channel, not of the worker."""
        try:
            frame = frames.receive(self._socket, self._buffer)
        except BlockingIOError:
            return False
        except (MalformedFrame, frames.BodyLost, ConnectionResetError):
            frame = None
        if frame is None or frame.kind != Kind.RECORD:
            self._loop.remove_reader(self._socket.fileno())
            return False
        self._take(frame)
        return True

    def _take(self, frame: Frame) -> None:
        if frame.run_ns > self._dropped:
            self._taker.on_dropped_records(frame.run_ns - self._dropped)
            self._dropped = frame.run_ns
        if not frame.head:
            return
        self._size += len(frame.body)
        if self._size <= _LARGEST_BYTES:
            self._pieces.append(frame.body)
        if not frame.flags & Flag.MORE:
            whole, self._pieces, self._size = b"".join(self._pieces), [], 0
            self._taker.on_record(frame.head.decode("latin-1"), whole)
