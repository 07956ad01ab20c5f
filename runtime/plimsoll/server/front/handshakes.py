"""How a listening socket ends without losing a client that is just connecting.

A client is connected once the kernel has shaken hands with it, before anybody has accepted it. Closing the socket
resets whoever is in between: it has sent its request by then, and a balancer does not send a POST again. So new
handshakes stop first. Their SYN is dropped by a filter (socket(7), SO_ATTACH_FILTER); the client sends it again after
a second (RFC 6298, section 2) and finds the port closed, which every balancer takes for a reason to go elsewhere.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import struct
from pathlib import Path

LAST_HANDSHAKES_S = 0.1
"""What a handshake that has begun may still take: a round trip, within a region a few milliseconds."""
_SO_ATTACH_FILTER = 26
"""asm-generic/socket.h; the module `socket` does not have it."""
_FLAGS_AT, _SYN_AND_ACK, _SYN = 13, 0x12, 0x02
"""The byte with the flags of a TCP header, RFC 9293, section 3.1. A filter of a TCP socket begins at that header."""
_LOAD_BYTE, _AND, _JUMP_IF_EQUAL, _RETURN = 0x30, 0x54, 0x15, 0x06
"""Of linux/bpf_common.h: BPF_LD|BPF_B|BPF_ABS, BPF_ALU|BPF_AND|BPF_K, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K."""
_DROP, _KEEP = 0, 0xFFFFFFFF
_PROGRAM = (
    (_LOAD_BYTE, 0, 0, _FLAGS_AT),
    (_AND, 0, 0, _SYN_AND_ACK),
    (_JUMP_IF_EQUAL, 0, 1, _SYN),
    (_RETURN, 0, 0, _DROP),
    (_RETURN, 0, 0, _KEEP),
)


def ends_here(listener: socket.socket) -> bool:
    """Whether nobody accepts on it once this process has closed it.

    The master closes its own before it ends its front. As long as it holds one, a new front takes those who wait.
    """
    inode = os.fstat(listener.fileno()).st_ino
    try:
        return inode not in map(_inode, Path(f"/proc/{os.getppid()}/fd").iterdir())
    except OSError:
        return True


def _inode(path: Path) -> int | None:
    with contextlib.suppress(OSError):  # it may have been closed since it was listed
        return path.stat().st_ino
    return None


def stop_handshakes(listener: socket.socket) -> None:
    """Those that have begun still end. Where filters are forbidden, nothing changes."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _PROGRAM))
    program = struct.pack("HP", len(_PROGRAM), ctypes.addressof(code))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
