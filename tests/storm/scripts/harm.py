"""What a bad script does to its process. Each takes the answer it is to give, if it still can, and an argument."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable

_FRAME = struct.Struct("<BBHIIQQB")
"""As in plimsoll.workers.frames: kind, flags, status, call id, bytes of head and body, ns, bytes of tag."""


def leave(answer: str, argument: str) -> str:
    os._exit(5)


def segfault(answer: str, argument: str) -> str:
    ctypes.string_at(0)
    return answer


def hang(answer: str, argument: str) -> str:
    time.sleep(10**6)
    return answer


def hang_in_c(answer: str, argument: str) -> str:
    """Sleeps in C and never lets go of the GIL; the signal that dumps the stacks ends one sleep."""
    for _ in range(10**6):
        ctypes.PyDLL(None).sleep(10**6)
    return answer


def hold_lock(answer: str, milliseconds: str) -> str:
    """The same, for so long only."""
    ctypes.PyDLL(None).usleep(int(milliseconds) * 1000)
    return answer


def exhaust(answer: str, argument: str) -> str:
    held = []
    try:
        while True:
            held.append(os.dup(0))
    except OSError:
        raise ValueError("no descriptor is left") from None
    finally:
        for descriptor in held:
            os.close(descriptor)


def start_threads(answer: str, count: str) -> str:
    """They outlive the call by a second."""
    for _ in range(int(count)):
        threading.Thread(target=time.sleep, args=(1,), daemon=True).start()
    return answer


def fork(answer: str, argument: str) -> str:
    """Parent and child both return from run()."""
    os.fork()
    return answer


def fork_and_exec(answer: str, argument: str) -> str:
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "1000"])
    return answer


def start_daemon(answer: str, argument: str) -> str:
    """As daemons are made: forked twice, a session of its own, no descriptors of its parent's."""
    if (child := os.fork()) == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.closerange(0, 4096)
        os.execvp("sleep", ["sleep", "1000"])
    os.waitpid(child, 0)
    return answer


def start_program(answer: str, argument: str) -> str:
    """It keeps every descriptor that it can inherit."""
    subprocess.Popen(["sleep", "1000"], close_fds=False)
    return answer


def become_another_program(answer: str, argument: str) -> str:
    os.execvp("sleep", ["sleep", "0.3"])


def start_threads_without_end(answer: str, argument: str) -> str:
    """Until the limit of the machine, or 5,000; none of them ends."""
    for _ in range(5_000):
        threading.Thread(target=time.sleep, args=(10**6,), daemon=True).start()
    return answer


def take_memory(answer: str, size: str) -> str:
    """Really, not only as addresses."""
    bytearray(int(size)).replace(b"\0", b"x")
    return answer


def close_all(answer: str, argument: str) -> str:
    os.closerange(3, 4096)
    return answer


def change_signals(answer: str, argument: str) -> str:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD):
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(number, signal.SIG_IGN)
    return answer


def shout(answer: str, lines: str) -> str:
    sys.stdout.write(f"{answer} shouts\n" * int(lines))
    sys.stdout.flush()
    return answer


def shout_without_end_of_line(answer: str, size: str) -> str:
    sys.stdout.write("x" * int(size))
    sys.stdout.flush()
    return answer


def write_garbage(answer: str, form: str) -> str:
    """To the front, on every socket that the script can find."""
    for sock in _sockets_to_front():
        with contextlib.suppress(OSError):
            sock.send(_GARBAGE[form](), socket.MSG_DONTWAIT)
        sock.detach()
    return answer


def _sockets_to_front() -> list[socket.socket]:
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            sock = socket.socket(fileno=int(name))
            if sock.family == socket.AF_UNIX and sock.type == socket.SOCK_SEQPACKET:
                found.append(sock)
            else:
                sock.detach()
    return found


def _own_call_id() -> int:
    """A script that means harm finds the call that it runs in the frames above its own."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        for value in list(frame.f_locals.values()):
            if isinstance(found := getattr(value, "call_id", None), int):
                return found
    return 1


_GARBAGE: dict[str, Callable[[], bytes]] = {
    "noise": lambda: random.randbytes(1000),
    "half": lambda: random.randbytes(5),
    "nothing": lambda: b"",
    "no_file": lambda: _FRAME.pack(2, 1, 200, _own_call_id(), 10, 100_000, 0, 0),
    "no_status": lambda: _FRAME.pack(2, 0, 0, _own_call_id(), 0, 0, 0, 0),
    "odd_status": lambda: _FRAME.pack(2, 0, 7777, _own_call_id(), 0, 0, 0, 0),
    "bad_error": lambda: _FRAME.pack(2, 64, 500, _own_call_id(), 0, 5, 0, 0) + b"[oops",
    "short_body": lambda: _FRAME.pack(2, 0, 200, _own_call_id(), 0, 5000, 0, 0) + b"short",
    "chunk_first": lambda: _FRAME.pack(3, 2, 0, _own_call_id(), 0, 1, 0, 0) + b"x",
    "json": lambda: _FRAME.pack(5, 0, 0, 0, 0, 2, 0, 0) + b"[]",
    "event": lambda: _FRAME.pack(5, 0, 0, 0, 0, 18, 0, 0) + b'{"event": "loaded"}',
}
GARBAGE = tuple(_GARBAGE)
HARM: dict[str, Callable[[str, str], str]] = {
    one.__name__: one
    for one in (
        leave, segfault, hang, hang_in_c, hold_lock, exhaust, start_threads, start_threads_without_end, fork,
        fork_and_exec, start_daemon, start_program, become_another_program, take_memory, close_all, change_signals,
        shout, shout_without_end_of_line, write_garbage,
    )
}  # fmt: skip
