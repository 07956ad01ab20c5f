"""Memory that the front and a worker both see: an anonymous memory file of a fixed size, mapped by each.

Pages come to it as they are touched and go when they are given back, so that its size is only an upper bound. The
front makes it and seals its size: whatever a worker does to it, no access of the front's can fail (a mapping beyond
the end of a file that has shrunk kills its process by SIGBUS, mmap(2)). F_SEAL_FUTURE_WRITE would also keep
everybody else from writing, but the kernel then refuses to give pages back (MADV_REMOVE, EPERM); so a worker
that is only to read gets a descriptor that is open for reading.

Never /dev/shm: containers give it 64 MB or nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os

NAME = "plimsoll-bodies"
"""As in /proc/<pid>/smaps."""
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class SharedMemory:
    """Made and owned by the front; `descriptor` is the worker's way to it, for reading alone or for writing too."""

    def __init__(self, size_bytes: int, *, worker_writes: bool) -> None:
        self.size = size_bytes
        descriptor = os.memfd_create(NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(descriptor, size_bytes)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
            self._memory = mmap.mmap(descriptor, size_bytes)
            # A second open file, as a duplicate would share the mode of the first.
            mode = (os.O_RDWR if worker_writes else os.O_RDONLY) | os.O_CLOEXEC
            self.descriptor = os.open(f"/proc/self/fd/{descriptor}", mode)
        finally:
            os.close(descriptor)
        self.view = memoryview(self._memory)

    def give_back(self, offset: int, size_bytes: int) -> None:
        """To the kernel: the pages read as zeros from now on, in every process."""
        self._memory.madvise(mmap.MADV_REMOVE, offset, size_bytes)

    def close(self) -> None:
        """Unmaps it here, unless somebody still looks at a part: then with the last who does."""
        self.view.release()
        with contextlib.suppress(BufferError):
            self._memory.close()

    def close_descriptor(self) -> None:
        """No further process can get at it; it lives until the last that maps it lets go."""
        os.close(self.descriptor)


class WorkerMemory:
    """The worker's side: the bodies of requests, of all workers, to read; and room for its own answers, to write."""

    def __init__(self, bodies_descriptor: int, rooms_descriptor: int) -> None:
        self._bodies = _mapped(bodies_descriptor, mmap.ACCESS_READ)
        self._rooms = _mapped(rooms_descriptor, mmap.ACCESS_WRITE)

    def body(self, offset: int, length: int) -> memoryview:
        return self._bodies[offset : offset + length]

    def put(self, offset: int, data: bytes) -> None:
        self._rooms[offset : offset + len(data)] = data


def _mapped(descriptor: int, access: int) -> memoryview:
    try:
        return memoryview(mmap.mmap(descriptor, 0, access=access))
    finally:
        os.close(descriptor)
