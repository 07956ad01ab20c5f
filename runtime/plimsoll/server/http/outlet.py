"""The way out of a connection, and what its client has not taken yet.

Bytes are written to the socket itself while the transport holds nothing back: a turn of the loop earlier, and for less
CPU than through the transport. Its buffer has no high-water mark for that reason, so that it says when it holds
anything and when it is empty again.
"""

from __future__ import annotations

import asyncio
import os
import socket

from plimsoll.workers.shared.buffers import SharedAnswer


class Cork:
    """Holds small answers back while more of them are being made in the same callback, and sends them together.

    A client that sleeps is woken by the first of them, and takes the others without being woken again.
    """

    __slots__ = ("_held", "_is_in")

    def __init__(self) -> None:
        self._held: list[tuple[Outlet, bytes]] = []
        self._is_in = False

    def put_in(self) -> None:
        self._is_in = True

    def take_out(self) -> None:
        self._is_in = False
        if self._held:
            self.flush()

    def flush(self) -> None:
        held, self._held = self._held, []
        for outlet, data in held:
            outlet.write_now(data)

    def holds(self, outlet: Outlet, data: bytes) -> bool:
        """Whether it takes `data`, to write it later."""
        if self._is_in:
            self._held.append((outlet, data))
        return self._is_in


class Outlet:
    """`is_behind`: the transport holds bytes that the client has not taken."""

    __slots__ = ("_cork", "_fd", "_held_bytes", "_transport", "_unsent", "is_behind")

    def __init__(self, transport: asyncio.Transport, cork: Cork, *, is_plain: bool) -> None:
        """`is_plain`: what is written goes out as it is, without TLS."""
        transport.set_write_buffer_limits(high=0)
        self._transport = transport
        self._cork = cork
        self._fd: int = transport.get_extra_info("socket").fileno() if is_plain else -1
        self._held_bytes = 0
        self._unsent: list[SharedAnswer] = []
        self.is_behind = False

    def write_soon(self, data: bytes) -> None:
        """A small answer, whole: it may go out together with others. Pieces of a stream may not: what is held back
        is not counted as what the client has not taken."""
        if not self._cork.holds(self, data):
            self.write_now(data)

    def write(self, data: bytes) -> None:
        self._cork.flush()
        self.write_now(data)

    def write_now(self, data: bytes) -> None:
        if self._fd >= 0 and not self.is_behind:
            try:
                sent = os.write(self._fd, data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._transport.abort()
                return
            if sent == len(data):
                return
            data = data[sent:]
        self._transport.write(data)

    def write_parts(self, head: bytes, body: bytes | memoryview) -> None:
        """The same for a large body, which is not copied."""
        self._cork.flush()
        if self._fd < 0 or self.is_behind:
            self._transport.write(head)
            self._transport.write(body)
            return
        try:
            sent = os.writev(self._fd, (head, body))
        except BlockingIOError:
            sent = 0
        except OSError:
            self._transport.abort()
            return
        if sent < len(head):
            self._transport.write(head[sent:])
        if sent < len(head) + len(body):
            self._transport.write(memoryview(body)[max(0, sent - len(head)) :])

    def write_shared(self, head: bytes, body: SharedAnswer) -> None:
        """The same for a body in shared memory, which is let go of once the client has taken it."""
        self._cork.flush()
        if self._fd < 0:
            self._transport.write(head + body.view)  # TLS copies it in any case, at a time that it does not tell
            body.release()
            return
        self.write_parts(head, body.view)
        if self.is_behind:
            self._unsent.append(body)
        else:
            body.release()

    def flush(self) -> None:
        """Nothing may be held back of a connection that is about to end."""
        self._cork.flush()

    def pause(self) -> None:
        """The transport has begun to hold bytes back."""
        self.is_behind = True
        self._held_bytes = self._transport.get_write_buffer_size()

    def resume(self) -> None:
        """The transport has sent everything: shared memory that it still read from can be released."""
        self.is_behind = False
        unsent, self._unsent = self._unsent, []
        for body in unsent:
            body.release()

    def close(self) -> None:
        """The socket is gone; its number may soon be another's."""
        self._fd = -1
        self.resume()

    def is_reset(self) -> bool:
        """Whether the client's side has refused what was written to it; nobody reads there any more, to hear of it."""
        sock: socket.socket = self._transport.get_extra_info("socket")
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def has_moved(self) -> bool:
        """Whether the client has taken anything since it fell behind, or since this was asked last."""
        was, self._held_bytes = self._held_bytes, self._transport.get_write_buffer_size()
        return self._held_bytes < was
