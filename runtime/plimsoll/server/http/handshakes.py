"""How a listening socket ends without losing a client that is just connecting.

A client is connected once the kernel has shaken hands with it, before anybody has accepted it. Closing the socket
resets whoever is in between: it has sent its request by then, and a balancer does not send a POST again. So new
handshakes stop first: the listener takes no packet any more that has passed a router or left a host as packets usually
do, with a time to live below 255 (ip(7), IP_MINTTL; RFC 5082 is what it is there for). The kernel drops the SYN, and
still ends what has begun. The client sends its SYN again after a second (RFC 6298, section 2) and finds the port
closed, which every balancer takes for a reason to go elsewhere. Needs no rights, unlike a socket filter.
"""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

LAST_HANDSHAKES_S = 0.1
"""What a handshake that has begun may still take: a round trip, within a region a few milliseconds."""
_IP_MINTTL, _IPV6_MINHOPCOUNT = 21, 73
"""linux/in.h and linux/in6.h; the module `socket` does not have them."""
_MOST_HOPS, _ANY = 255, 0


def ends_here(listener: socket.socket) -> bool:
    """Whether nobody accepts on it once this process has closed it; False where that cannot be seen.

    The master closes its own before it ends its front. As long as it holds one, a new front takes those who wait.
    """
    try:
        own = os.fstat(listener.fileno())
        held = [_identity(path) for path in Path(f"/proc/{os.getppid()}/fd").iterdir()]
    except OSError:
        return False
    return (own.st_dev, own.st_ino) not in held


def _identity(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):  # it may have been closed since it was listed
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def stop_handshakes(listener: socket.socket) -> None:
    """Those that have begun still end."""
    _take_from(listener, _MOST_HOPS)


def hear(connection: socket.socket) -> None:
    """A connection whose handshake ended after that has got the listener's limit."""
    _take_from(connection, _ANY)


def _take_from(sock: socket.socket, least_hops_left: int) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, least_hops_left)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, least_hops_left)
