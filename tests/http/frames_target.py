"""What may come of arbitrary bytes that the other end of a frame socket sends: a frame, or one of two errors."""

from __future__ import annotations

import array
import contextlib
import os
import socket
import struct

from plimsoll.workers import frames

_BUFFER = bytearray(frames.MESSAGE_BYTES)
_PATHS = 5


def check(data: bytes) -> None:
    """The first byte chooses the path; the rest is what came."""
    if not data:
        return
    path, rest = data[0] % _PATHS, data[1:]
    if path == 0:
        _check_batch(rest)
    elif path == 1:
        with contextlib.suppress(ValueError):  # heads come from the front, which is trusted
            frames.decode_head(rest)
    elif path == 2:
        for name, value in frames.decode_headers(rest):
            assert b"\n" not in name + value
    else:
        _check_message(rest, with_file=path == 4)


def _check_batch(data: bytes) -> None:
    with contextlib.suppress(struct.error, frames.MalformedFrame):  # and so do batches
        calls = frames.decode_batch(data)
        assert sum(len(call.tag) + len(call.head) + len(call.body) for call in calls) <= len(data)


def _check_message(data: bytes, with_file: bool) -> None:
    """With a file: one byte says how much of it is the message, what is left is the content of the file."""
    cut = frames._HEADER.size + data[0] if with_file and data else len(data)
    message, content = data[:cut][: frames.MESSAGE_BYTES], data[cut:]
    if not message:
        return
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    before = len(os.listdir("/proc/self/fd"))
    with here, there, contextlib.suppress(frames.MalformedFrame, frames.BodyLost):
        _send(there, message, content if with_file else None)
        frame = frames.receive(here, _BUFFER)
        assert frame is not None
        assert len(frame.head) + len(frame.body) <= len(data)
    assert len(os.listdir("/proc/self/fd")) == before - 2, "a descriptor was left open"


def _send(sock: socket.socket, message: bytes, content: bytes | None) -> None:
    if content is None:
        sock.send(message)
        return
    descriptor = os.memfd_create("fuzz")
    try:
        os.write(descriptor, content)
        sock.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))])
    finally:
        os.close(descriptor)
