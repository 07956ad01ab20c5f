"""Shared memory in which the front tells a worker's slots that an answer is no longer wanted.

One number per slot, the id of the call to give up; only the front writes, only the slot reads. The slot looks
between the chunks of a stream: a socket message would have to be asked for with a system call each time.
"""

from __future__ import annotations

import mmap
import os
import struct

_CELL = struct.Struct("<Q")
NO_MORE = 2**64 - 1
"""In place of a call id: the rest of a bundle is run elsewhere."""


class CancelBoard:
    """`descriptor` is an anonymous memory file of `slots` cells; ids begin at 1."""

    def __init__(self, descriptor: int, slots: int) -> None:
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, slots * _CELL.size)

    @classmethod
    def create(cls, slots: int) -> CancelBoard:
        descriptor = os.memfd_create("plimsoll-cancel", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, slots * _CELL.size)
            return cls(descriptor, slots)
        except OSError:  # mmap needs a descriptor of its own
            os.close(descriptor)
            raise

    def cancel(self, slot: int, call_id: int) -> None:
        """Of a worker that has ended there is nothing to cancel."""
        if not self._memory.closed:
            _CELL.pack_into(self._memory, slot * _CELL.size, call_id)

    def is_cancelled(self, slot: int, call_id: int) -> bool:
        return bool(_CELL.unpack_from(self._memory, slot * _CELL.size)[0] == call_id)

    def close(self) -> None:
        self._memory.close()
        os.close(self.descriptor)
