"""What a message to another process costs, asleep or running: `python -m benchmarks.wake_up`.

The figures in docs/front.md come from here. Two processes with a Unix socket pair of SOCK_SEQPACKET between them, as
front and worker have it; 100 bytes each way.
"""

from __future__ import annotations

import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_MESSAGE = b"x" * 100
_STOP = b"stop"
_ROUNDS = 2_000
_BURST = 32
_ASLEEP_AFTER_S = 0.001
"""A process that waits for a message sleeps long before this."""


def _echo(end: socket.socket) -> None:
    while (message := end.recv(4096)) != _STOP:
        end.send(message)


def _swallow(end: socket.socket) -> None:
    while end.recv(4096) != _STOP:
        pass


@contextmanager
def _peer(play: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """A process that does this at the other end."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if (pid := os.fork()) == 0:
        ours.close()
        play(theirs)
        os._exit(0)
    theirs.close()
    yield ours
    ours.send(_STOP)
    os.waitpid(pid, 0)
    ours.close()


def _send_ns(end: socket.socket) -> int:
    began = time.perf_counter_ns()
    end.send(_MESSAGE)
    return time.perf_counter_ns() - began


def to_sleeping_us() -> float:
    """Median cost of sending to a process that has to be woken, in microseconds."""
    costs = []
    with _peer(_swallow) as end:
        for _ in range(_ROUNDS):
            time.sleep(_ASLEEP_AFTER_S)
            costs.append(_send_ns(end))
    return statistics.median(costs) / 1e3


def to_running_us() -> float:
    """The same for one that is at work on the messages before it: the later ones of a burst."""
    costs = []
    with _peer(_swallow) as end:
        for _ in range(_ROUNDS // _BURST):
            time.sleep(_ASLEEP_AFTER_S)
            costs += [_send_ns(end) for _ in range(_BURST)][_BURST // 2 :]
    return statistics.median(costs) / 1e3


def round_trip_us() -> float:
    """Median time until the answer of a process that sleeps is there, to one that sleeps too."""
    times = []
    with _peer(_echo) as end:
        for _ in range(_ROUNDS):
            began = time.perf_counter_ns()
            end.send(_MESSAGE)
            end.recv(4096)
            times.append(time.perf_counter_ns() - began)
    return statistics.median(times) / 1e3


def main() -> None:
    print(f"send to a sleeping process   {to_sleeping_us():6.1f} µs")
    print(f"send to a running process    {to_running_us():6.1f} µs")
    print(f"there and back, both asleep  {round_trip_us():6.1f} µs")


if __name__ == "__main__":
    main()
