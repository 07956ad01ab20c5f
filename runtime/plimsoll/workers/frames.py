"""Frames between the front and a model worker: one message of a SOCK_SEQPACKET Unix socket each.

A message socket is chosen over a stream for one property: a frame is taken off the socket whole, by
one side. The front keeps a duplicate of the worker's end and can so take back, atomically, a call
that it handed ahead and that the worker has not begun (`Slot.take_back`).

Layout: fixed header (`_HEADER`), tag, places (`_PLACE`), head bytes, body bytes. A body over `INLINE_BYTES` lies in
memory that both sides have mapped (`buffers`), and the message says where. One for which there was no room there
travels in an anonymous memory file of its own, whose descriptor is attached to the message, since a message must fit
the socket's send buffer. No pickle: the other end may be compromised by user code, so what it says of lengths is
checked, and a descriptor that nobody asked for is closed.

Used by both sides; imports nothing heavy, for the worker's sake.
"""

from __future__ import annotations

import array
import os
import socket
import stat
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from plimsoll.entry.call import Head, Headers

if TYPE_CHECKING:
    from plimsoll.workers.shared.buffers import SharedAnswer

_HEADER = struct.Struct("<BHHIIQQB")
_ITEM = struct.Struct("<IIQBH")
_PLACE = struct.Struct("<QQ")
_FD_BYTES = array.array("i").itemsize
INLINE_BYTES = 64 * 1024
_JOINED_BYTES = 4 * 1024
MESSAGE_BYTES = 128 * 1024
_ANCILLARY_BYTES = socket.CMSG_SPACE(_FD_BYTES)
_CLOSE_ON_EXEC = int(socket.MSG_CMSG_CLOEXEC)


class Kind:
    """Plain integers, as in `Flag`: enum arithmetic costs more than packing the frame."""

    CALL = 1
    ANSWER = 2
    CHUNK = 3
    BATCH = 4
    """Several calls in one message: they come, and can be taken back, all or none. Its id is its first call's."""
    CONTROL = 5
    """A JSON object about the worker itself."""
    BUNDLE = 6
    """As BATCH, but of calls that are run one after the other and answered one by one: one message wakes once."""
    RECORD = 7
    """A piece of what run() collects: `head` names the collection, `run_ns` counts what was dropped before."""


class Flag:
    NONE = 0
    BODY_IN_FILE = 1
    MORE = 2
    """The body goes on in CHUNK frames; a frame without it is the last of its call."""
    ABORTED = 4
    """The script failed after its answer had begun."""
    RUN_FAILED = 8
    RUN_FAILED_UNKNOWN = 16
    RUN_RETURNED = 32
    ERROR = 64
    """The body is a JSON error of Plimsoll's own, not the script's."""
    BODY_SHARED = 128
    """The body lies in shared memory: of a CALL among the bodies of requests, of an ANSWER in the room it was given."""
    ROOM = 256
    """A CALL gives its answer room in shared memory."""
    LEND = 512
    """The script of this CALL may refer to the shared memory itself, and keep it."""
    BODY_KEPT = 1024
    """In the last frame of a call: the script has done so, and the memory must not be used again."""


_PLACED = Flag.BODY_SHARED | Flag.ROOM


class Place(NamedTuple):
    """Bytes of a stretch of shared memory."""

    offset: int
    length: int


@dataclass(slots=True)
class Frame:
    """One message.

    `status` is the HTTP status of an ANSWER; `run_ns` the nanoseconds inside the user's run(); `tag` the request id
    of a CALL, of 100 bytes at most, which the worker puts on the lines that the script prints. `place` is where the
    body lies that is not in `body`, `room` where the answer may be put; `shared` is the front's hold on a body that
    has come in such a room.
    """

    kind: int
    call_id: int
    head: bytes = b""
    body: bytes = b""
    flags: int = 0
    status: int = 0
    run_ns: int = 0
    tag: bytes = b""
    place: Place | None = None
    room: Place | None = None
    shared: SharedAnswer | None = None


class MalformedFrame(Exception):
    """What came is no frame: the other side must not be believed any more."""


class BodyLost(Exception):
    """`frame` came without its body: this process has no descriptor left for the file, or no memory for its content."""

    def __init__(self, frame: Frame, reason: str) -> None:
        super().__init__(reason)
        self.frame = frame


def send(sock: socket.socket, frame: Frame, flags: int = 0) -> None:
    """Raises BlockingIOError on a full non-blocking socket, OSError when the other side is gone."""
    size = len(frame.head) + len(frame.body)
    if size <= _JOINED_BYTES:
        # One buffer: taking four apart costs Python more than copying so little.
        sock.send(_packed(frame, 0) + frame.head + frame.body, flags)
        return
    if size <= INLINE_BYTES:
        sock.sendmsg((_packed(frame, 0), frame.head, frame.body), (), flags)
        return
    descriptor = _memory_file(frame.head, frame.body)
    try:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        sock.sendmsg((_packed(frame, Flag.BODY_IN_FILE),), rights, flags)
    finally:
        os.close(descriptor)


def receive(sock: socket.socket, buffer: bytearray, flags: int = 0) -> Frame | None:
    """The next frame, or None when the other side has closed.

    `buffer` of at least MESSAGE_BYTES is overwritten. Raises BlockingIOError when nothing is there, BodyLost, and
    MalformedFrame.
    """
    count, ancillary, _, _ = sock.recvmsg_into((buffer,), _ANCILLARY_BYTES, flags | _CLOSE_ON_EXEC)
    if count == 0:
        return None
    if not ancillary:
        return _decoded(buffer, count, ())
    files = _files(ancillary)
    try:
        return _decoded(buffer, count, files)
    finally:
        for file in files:
            os.close(file)


def discard(sock: socket.socket, buffer: bytearray) -> int | None:
    """Takes the next message off a socket of our own sending and returns its call id; None when none is there."""
    try:
        count, ancillary, _, _ = sock.recvmsg_into((buffer,), _ANCILLARY_BYTES, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    for file in _files(ancillary):
        os.close(file)
    return int(_HEADER.unpack_from(buffer)[3]) if count else None


def _decoded(buffer: bytearray, count: int, files: Sequence[int]) -> Frame:
    if count < _HEADER.size:
        raise MalformedFrame(f"a message of {count} bytes has no header")
    kind, bits, status, call_id, head_bytes, body_bytes, run_ns, tag_bytes = _HEADER.unpack_from(buffer)
    start = _HEADER.size + tag_bytes
    frame = Frame(kind, call_id, b"", b"", bits, status, run_ns, bytes(buffer[_HEADER.size : start]))
    if bits & _PLACED:
        frame.place, frame.room, start = _places(bits, buffer, start, count)
    if bits & Flag.BODY_IN_FILE:
        frame.head, frame.body = _from_memory_file(frame, files, head_bytes, body_bytes)
        return frame
    split = start + head_bytes
    if split + body_bytes != count:
        raise MalformedFrame(f"a message of {count} bytes says that it has {split + body_bytes}")
    frame.head, frame.body = bytes(buffer[start:split]), bytes(memoryview(buffer)[split:count])
    return frame


def _packed(frame: Frame, more_bits: int) -> bytes:
    bits = frame.flags | more_bits
    if frame.place is None and frame.room is None:
        return _header(frame, bits) + frame.tag
    bits |= _placed_bits(frame.place, frame.room)
    return _header(frame, bits) + frame.tag + _packed_places(frame.place, frame.room)


def _header(frame: Frame, bits: int) -> bytes:
    return _HEADER.pack(
        frame.kind, bits, frame.status, frame.call_id, len(frame.head), len(frame.body), frame.run_ns, len(frame.tag)
    )


def _placed_bits(place: Place | None, room: Place | None) -> int:
    return (Flag.BODY_SHARED if place is not None else 0) | (Flag.ROOM if room is not None else 0)


def _packed_places(*places: Place | None) -> bytes:
    return b"".join(_PLACE.pack(*place) for place in places if place is not None)


def _places(bits: int, data: bytes | bytearray, at: int, end: int) -> tuple[Place | None, Place | None, int]:
    """The places that `bits` speak of, and where they end."""
    found: list[Place | None] = []
    for bit in (Flag.BODY_SHARED, Flag.ROOM):
        if not bits & bit:
            found.append(None)
            continue
        if at + _PLACE.size > end:
            raise MalformedFrame("a message ends before it has said where its body lies")
        found.append(Place(*_PLACE.unpack_from(data, at)))
        at += _PLACE.size
    return found[0], found[1], at


def _memory_file(*parts: bytes) -> int:
    descriptor = os.memfd_create("plimsoll-frame", os.MFD_CLOEXEC)
    try:
        for part in parts:
            view = memoryview(part)
            while view:
                view = view[os.write(descriptor, view) :]
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _files(ancillary: list[tuple[int, int, bytes]]) -> Sequence[int]:
    """The descriptors that came with a message: whoever takes them closes them."""
    found = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % _FD_BYTES])
    return found


def _from_memory_file(frame: Frame, files: Sequence[int], head_bytes: int, body_bytes: int) -> tuple[bytes, bytes]:
    if not files:
        # The kernel drops a descriptor for which the receiver has no room (unix(7), MSG_CTRUNC), and says nothing else.
        raise BodyLost(frame, "too many open files")
    status = os.fstat(files[0])
    if not stat.S_ISREG(status.st_mode) or status.st_size != head_bytes + body_bytes:
        raise MalformedFrame(f"a file of {status.st_size} bytes is said to have {head_bytes + body_bytes}")
    try:
        return _read_exactly(files[0], head_bytes, 0), _read_exactly(files[0], body_bytes, head_bytes)
    except MemoryError:
        raise BodyLost(frame, "out of memory") from None


def _read_exactly(descriptor: int, count: int, offset: int) -> bytes:
    parts = []
    while count:
        part = os.pread(descriptor, count, offset)
        if not part:
            raise MalformedFrame("a file has shrunk while it was read")
        parts.append(part)
        count -= len(part)
        offset += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def encode_batch(calls: Iterable[Frame]) -> bytes:
    """The body of a BATCH frame: id, flags, tag, places, head and body of each call."""
    parts = []
    for call in calls:
        bits = call.flags | _placed_bits(call.place, call.room)
        item = _ITEM.pack(call.call_id, len(call.head), len(call.body), len(call.tag), bits)
        parts += [item, call.tag, _packed_places(call.place, call.room), call.head, call.body]
    return b"".join(parts)


def decode_batch(data: bytes) -> list[Frame]:
    calls, at = [], 0
    while at < len(data):
        call_id, head_bytes, body_bytes, tag_bytes, bits = _ITEM.unpack_from(data, at)
        tag_at = at + _ITEM.size
        place, room, head_at = _places(bits, data, tag_at + tag_bytes, len(data))
        body_at = head_at + head_bytes
        at = body_at + body_bytes
        tag, head, body = data[tag_at : tag_at + tag_bytes], data[head_at:body_at], data[body_at:at]
        calls.append(Frame(Kind.CALL, call_id, head, body, bits, tag=tag, place=place, room=room))
    return calls


def encode_head(
    method: str,
    target: bytes,
    scheme: str,
    client: str,
    headers: Iterable[tuple[bytes, bytes]],
    contract: str = "",
) -> bytes:
    """A call's head: two lines of request data, then a line per header. Header values hold no line feeds."""
    origin = b"%b %b %b" % (scheme.encode(), client.encode(), contract.encode())
    first = b"%b %b\n%b" % (method.encode("latin-1"), target, origin)
    return b"\n".join([first, *(name + b":" + value for name, value in headers)])


def decode_head(data: bytes) -> Head:
    """The inverse of `encode_head`; empty bytes are a plain POST whose head the script does not look at."""
    if not data:
        return Head()
    request, origin, *lines = data.decode("latin-1").split("\n")
    method, _, target = request.partition(" ")
    scheme, client, contract = origin.split(" ")
    return Head(method, target, _pairs(lines), scheme, client, contract)


def encode_headers(headers: Headers) -> bytes:
    """Header values come from the script: whoever made them has checked that they hold no line feeds."""
    return "\n".join([f"{name}:{value}" for name, value in headers]).encode("latin-1")


def decode_headers(data: bytes) -> list[tuple[bytes, bytes]]:
    """Pairs as ASGI wants them."""
    if not data:
        return []
    pairs = (line.partition(b":") for line in data.split(b"\n"))
    return [(name.lower(), value) for name, _, value in pairs]


def _pairs(lines: list[str]) -> Headers:
    split = (line.partition(":") for line in lines)
    return [(name, value) for name, _, value in split]
