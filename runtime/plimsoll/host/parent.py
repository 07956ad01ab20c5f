"""What prctl(2) has to say on parents and children: who dies with whom, and to whom orphans are handed."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37


def die_with(parent_pid: int) -> None:
    """Has the kernel kill this process when its parent ends, even while it hangs in C code."""
    _tie(_libc(), parent_pid, signal.SIGKILL)


def tie_to_parent(signal_number: signal.Signals) -> Callable[[], None]:
    """A function for a new child to call before it becomes another program, with the same effect.

    The C library is loaded here, in the parent: between fork and exec little else is safe.
    """
    libc, parent_pid = _libc(), os.getpid()
    return lambda: _tie(libc, parent_pid, signal_number)


def adopt_orphans() -> None:
    """Descendants whose parents end become children of this process, and not of one outside of the server."""
    _libc().prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def adopts_orphans() -> bool:
    """Whether this process has said so."""
    answer = ctypes.c_int(0)
    _libc().prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0)
    return answer.value == 1


def _tie(libc: ctypes.CDLL, parent_pid: int, signal_number: signal.Signals) -> None:
    libc.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != parent_pid:  # it ended before the kernel knew
        os._exit(1)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
