"""The worker's end of a slot, for tests that play the worker."""

from __future__ import annotations

import socket

from plimsoll.workers import frames
from plimsoll.workers.dispatch.slot import Slot
from plimsoll.workers.frames import Frame


def unread(slot: Slot) -> Frame | None:
    """The next call that the front has handed over; None when there is none now."""
    try:
        return frames.receive(slot._worker_end, bytearray(frames.MESSAGE_BYTES), socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None


def send(slot: Slot, frame: Frame) -> None:
    frames.send(slot._worker_end, frame)


def send_raw(slot: Slot, message: bytes) -> None:
    """Whatever bytes, as one message."""
    slot._worker_end.send(message)
