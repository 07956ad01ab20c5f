"""A large body in memory that the server lends for one call, and what raw scripts see of it.

Text and bytes are copied out of it once. `request.stream.getbuffer()` is the memory itself, read-only. What a script
still refers to when its call is over is found out by `SharedBody.end`, so that its content never changes under it.
"""

from __future__ import annotations

import threading
import weakref
from io import BufferedIOBase, BytesIO
from typing import Any


class SharedBody:
    """`lends` False: the script gets only copies. `view` is not for scripts: its slices would not be counted."""

    __slots__ = ("_lends", "_lock", "_streams", "view")

    def __init__(self, view: memoryview, *, lends: bool) -> None:
        self.view = view
        self._lends = lends
        self._lock = threading.Lock()
        self._streams: list[weakref.ref[BodyStream]] = []

    def stream(self) -> BodyStream:
        stream = BodyStream(self)
        self._streams.append(weakref.ref(stream))
        return stream

    def copied(self) -> bytes:
        with self._lock:  # against the end of the call, in scripts that go on in threads of their own
            return bytes(self.view)

    def lent(self) -> memoryview | None:
        """The memory itself; None: take a copy. Every slice and array of it counts as an export of `view`."""
        if not self._lends:
            return None
        # A plain slice would share the exporter of `view` and not be counted; this wrapper exports from `view` anew.
        from pickle import PickleBuffer  # 1 MB of imports that few workers need

        return memoryview(PickleBuffer(self.view))

    def end(self) -> bool:
        """The call is over: whether the script still refers to the memory. Streams that it has kept get a copy."""
        for stream in [found for reference in self._streams if (found := reference()) is not None]:
            stream.detach_memory()
        try:
            with self._lock:
                self.view.release()
        except BufferError:
            return True
        return False


class BodyStream(BufferedIOBase):
    """The body as a file, `wsgi.input`: an `io.BytesIO` that is filled with the first reading."""

    def __init__(self, body: SharedBody) -> None:
        self._body = body
        self._filled: BytesIO | None = None

    def getbuffer(self) -> memoryview:
        """All of the body, read-only, and without a copy as long as nothing has been read."""
        lent = self._body.lent() if self._filled is None else None
        return self._file().getbuffer().toreadonly() if lent is None else lent

    def getvalue(self) -> bytes:
        return self._file().getvalue()

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file().read(size)

    def read1(self, size: int = -1, /) -> bytes:
        return self._file().read1(size)

    def readinto(self, buffer: Any, /) -> int:
        return self._file().readinto(buffer)

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._file().readline(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file().seek(offset, whence)

    def tell(self) -> int:
        return self._file().tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def detach_memory(self) -> None:
        """The memory is about to go: whoever still has this file reads on from a copy."""
        self._file()

    def _file(self) -> BytesIO:
        if self._filled is None:
            self._filled = BytesIO(self._body.copied())
        return self._filled
