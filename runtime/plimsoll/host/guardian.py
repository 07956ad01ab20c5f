"""A process that does nothing until the server's master is killed, and then ends what the kernel would leave behind.

The kernel ends front and workers with their master (see plimsoll.host.parent), but not what workers have started: that
is handed to a process outside. The master cannot do it, since nothing is told to a process that is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
from typing import NoReturn

from plimsoll.host.marks import Mark, marked
from plimsoll.host.parent import rename
from plimsoll.host.processes import Process
from plimsoll.host.strays import Strays

NAME = "plimsoll-guard"
"""As ps(1) and top(1) show it."""
_PATIENCE_S = 60.0
_IGNORED = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}


class Guardian:
    """A fork of the master, which shares its memory; `mark` is the server's."""

    def __init__(self, mark: Mark) -> None:
        self._mark = mark
        self._pid = 0

    def ensure(self) -> None:
        """Starts it, or starts it again."""
        if self._is_running():
            return
        master = os.pidfd_open(os.getpid())
        try:
            pid = os.fork()
            if pid == 0:
                _guard(master, self._mark)
            self._pid = pid
        finally:
            os.close(master)

    def end(self) -> None:
        """The master is about to end, and has left nothing."""
        if self._is_running():
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self._pid = 0

    def _is_running(self) -> bool:
        try:
            return self._pid != 0 and os.waitpid(self._pid, os.WNOHANG) == (0, 0)
        except ChildProcessError:  # gunicorn waits for every child of the master
            return False


def _guard(master: int, mark: Mark) -> NoReturn:
    try:
        waiting = select.poll()
        waiting.register(_withdraw(master), select.POLLIN)
        waiting.poll()
        Strays(lambda: _left(mark)).end_all(_PATIENCE_S)
    finally:
        os._exit(0)


def _withdraw(master: int) -> int:
    """Out of the terminal's reach, without the listening sockets, and without the log that somebody may wait for.

    Returns what has become of `master`.
    """
    kept = fcntl.fcntl(master, fcntl.F_DUPFD_CLOEXEC, 3)  # its number may be that of a stream that was closed
    os.setsid()
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    rename(NAME)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
    with contextlib.suppress(OSError):
        os.chdir("/")
    return kept


def _left(mark: Mark) -> list[Process]:
    own = os.getpid()
    return [process for process in marked(lambda other: other.server == mark.server) if process.pid != own]
