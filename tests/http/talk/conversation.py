"""One connection on which one case is sent in one way."""

from __future__ import annotations

import contextlib
import itertools
import socket
import time
from collections.abc import Sequence
from typing import ClassVar

from corpus.case import Case

from talk.judge import flaw, is_complete
from talk.reading import NotHttp, Reading, Seen

_PATIENCE_TURNS = 12
"""Who has heard nothing for so many turns, and so long, hears nothing any more. A turn outlasts the calls before it."""
_numbers = itertools.count()


class Conversation:
    """`advance` does what can be done now, once per turn, until it is `over`; `deviation` is what was wrong then."""

    patience_s: ClassVar[float] = 0.4

    def __init__(self, port: int, case: Case, cuts: Sequence[int]) -> None:
        self.case = case
        self.over = False
        self.deviation: str | None = None
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        offsets = sorted({0, *cuts, *case.waits, len(case.raw)})
        self._pieces = [(start, case.raw[start:end]) for start, end in itertools.pairwise(offsets)]
        self._cuts = cuts
        self._next = 0
        self._unsent = b""
        self._deaf = False
        self._half_closed = False
        self._sentinel: bytes | None = None
        self._reading = Reading(case.bodiless)
        self._quiet_turns = -1
        self._quiet_since = time.monotonic()

    def advance(self) -> None:
        try:
            if not self.case.arrives or self._all_sent() or self._is_quiet():
                self._read()
            if not self.over:
                self._write()
        except NotHttp as error:
            self._finish(str(error))

    def _all_sent(self) -> bool:
        return self._deaf or (self._next == len(self._pieces) and not self._unsent)

    def _read(self) -> None:
        try:
            while data := self._socket.recv(262_144):
                self._reading.feed(data)
                self._progress()
        except BlockingIOError:
            return
        except ConnectionResetError:
            self._reading.end()
            self._finish(self._judged(by_reset=True))
            return
        self._reading.end()
        self._finish(self._judged(by_reset=False))

    def _write(self) -> None:
        if self._unsent:
            self._send(self._unsent)
        elif self._next < len(self._pieces):
            self._send_next()
        elif self._half_closed or not self.case.half_close:
            self._await_answers()
        if self.case.half_close and not self._half_closed and self._all_sent():
            self._half_close()  # at once, so that it is there before any answer

    def _send_next(self) -> None:
        start, piece = self._pieces[self._next]
        if len(self._reading.seen) >= self.case.waits.get(start, 0):
            self._next += 1
            self._progress()
            self._send(piece)
        elif self._is_quiet():
            self._finish(f"the client waited in vain after {start} bytes, having got {self._got()}")

    def _half_close(self) -> None:
        self._half_closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _send(self, data: bytes) -> None:
        try:
            self._unsent = data[self._socket.send(data) :]
        except BlockingIOError:
            self._unsent = data
        except OSError:
            # The other side has closed: what it said before that is still to be read.
            self._deaf, self._unsent, self._next = True, b"", len(self._pieces)

    def _await_answers(self) -> None:
        if self._quiet_turns < 1:
            self._quiet_turns += 1  # what was sent last has to be read first
        elif self._sentinel is None and not self.case.half_close and self._can_go_on():
            self._sentinel = b"sentinel %d" % next(_numbers)
            self._progress()
            head = (
                b"POST /score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer KEY-OF-THE-CORPUS\r\nConnection: close\r\n"
            )
            self._send(head + b"Content-Length: %d\r\n\r\n%b" % (len(self._sentinel), self._sentinel))
        elif self._is_quiet():
            self._finish(self._given_up())

    def _can_go_on(self) -> bool:
        return any(is_complete(one, self._reading.seen) for one in self.case.outcomes if not one.ends)

    def _judged(self, by_reset: bool) -> str | None:
        seen = self._reading.seen
        if self.case.half_close:
            # Whoever may have gone is sounded out by an interim answer, which every client skips (RFC 9110 §15.2).
            seen = [one for one in seen if one.status != 100]
        if fault := flaw(seen):
            return f"{fault}: {self._got()}"
        if by_reset and self.case.arrives:
            return f"the connection was reset, having got {self._got()}"
        if any(is_complete(one, seen) for one in self.case.outcomes if one.ends) and self._says_so(seen):
            return None
        if self._sentinel and seen and (seen[-1].status, seen[-1].body) == (200, self._sentinel):
            if any(is_complete(one, seen[:-1]) for one in self.case.outcomes if not one.ends):
                return None
            return f"the connection went on, having got {self._got()}"
        return f"the connection ended, having got {self._got()}"

    def _given_up(self) -> str | None:
        return f"the connection is still open, having got {self._got()}"

    def _says_so(self, seen: Sequence[Seen]) -> bool:
        """RFC 9112 §9.6: who closes says so, unless the client has closed already."""
        if self.case.half_close or self.case.unannounced or not seen:
            return True
        return seen[-1].to_the_end or seen[-1].fields.get(b"connection", b"").lower() == b"close"

    def _got(self) -> str:
        return f"[{', '.join(map(str, self._reading.seen[-4:]))}]"

    def _progress(self) -> None:
        self._quiet_turns = -1
        self._quiet_since = time.monotonic()

    def _is_quiet(self) -> bool:
        self._quiet_turns += 1
        return self._quiet_turns > _PATIENCE_TURNS and time.monotonic() - self._quiet_since > self.patience_s

    def _finish(self, deviation: str | None) -> None:
        self.over = True
        self._socket.close()
        if deviation is not None:
            cuts = ", ".join(map(str, self._cuts)) if len(self._cuts) <= 2 else "every byte"
            self.deviation = f"{deviation}{f' (cut at {cuts})' if cuts else ''}"
