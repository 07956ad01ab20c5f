"""What the clients of the storm send, drawn from a seed, and the only answer that each request may get as its own.

A request is an action of scripts/actions.py. Its token is its own, and its right answer is computed here from the
token alone, so that an answer that belongs to somebody else, or comes twice, is seen at once.
"""

from __future__ import annotations

import enum
import json
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from storm.scripts.tokens import transformed

_PADDING = random.Random(1).randbytes(2_501_000).hex().encode()
_SIZES = (
    (0.60, 10, 200),
    (0.25, 200, 8_000),
    (0.10, 8_000, 80_000),
    (0.045, 80_000, 600_000),
    (0.005, 600_000, 5_000_000),
)
"""Share of the requests, and from how many to how many bytes; what is over 64 KiB travels by memory file."""


class Leave(enum.Enum):
    """When a client leaves that does not want its answer any more."""

    CONNECTED = "connected"
    IN_HEAD = "in_head"
    AFTER_HEAD = "after_head"
    IN_BODY = "in_body"
    WAITING = "waiting"
    IN_ANSWER = "in_answer"


@dataclass(frozen=True, slots=True)
class Request:
    """`right` is the whole body of its own right answer; None where only an error is right.

    `error` is the status and code that are as good as a right answer. `breaks_off`: a body that stops short is.
    """

    kind: str
    head: bytes
    body: bytes
    right: bytes | None
    error: str | None = None
    breaks_off: bool = False
    one_shot: bool = False
    leave: Leave | None = None
    leave_after_s: float = 0.0
    leaves_politely: bool = False
    """With FIN, after what was written; else with RST."""
    reads_slowly: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the mix: `weight` against those of the others, and how a request of the kind is made."""

    weight: float
    make: Callable[[random.Random, str], Request]
    in_batches: bool = True
    """Whether a script that takes batches gives the same answer."""


class Mix:
    """`departures` is the share of requests whose client leaves early; `only`: of these kinds, where any are named."""

    def __init__(self, seed: str, *, batched: bool, departures: float, only: Sequence[str] = ()) -> None:
        self._random = random.Random(seed)
        self._departures = departures
        self._batched = batched
        wanted = {name: KINDS[name] for name in only or KINDS}
        kinds = {name: kind for name, kind in wanted.items() if kind.in_batches or not batched}
        self._makers = [kind.make for kind in kinds.values()]
        self._weights = [kind.weight for kind in kinds.values()]

    def draw(self) -> Request:
        token = format(self._random.getrandbits(64), "016x")
        if self._random.random() < self._departures:
            return _departing(self._random, token, self._batched)
        (make,) = self._random.choices(self._makers, self._weights)
        return make(self._random, token)


def asking(action: str, token: str, argument: object, padding_bytes: int = 0, offset: int = 0) -> bytes:
    """The body of a request: see scripts/actions.py."""
    padding = _PADDING[offset : offset + padding_bytes]
    return b"%b %b %b\n%b" % (action.encode(), token.encode(), str(argument).encode(), padding)


def posted(body: bytes, *headers: bytes, close: bool = False) -> bytes:
    """The head that goes before it."""
    lines = (b"POST /score HTTP/1.1", b"Host: x", b"Content-Type: text/plain", b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, *headers, *([b"Connection: close"] if close else []), b"", b""])


def got(path: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path


def _echo(rng: random.Random, token: str) -> Request:
    (_, least, most) = rng.choices(_SIZES, [share for share, _, _ in _SIZES])[0]
    body = asking("echo", token, 0, rng.randint(least, most), rng.randrange(1000))
    close = rng.random() < 0.1
    right = json.dumps({"token": transformed(token), "size": len(body), "crc": zlib.crc32(body)}).encode()
    return Request("echo", posted(body, close=close), body, right, one_shot=close)


def _work(rng: random.Random, token: str) -> Request:
    body = asking("work", token, rng.randint(0, 10))
    return Request("work", posted(body), body, _text(token))


def _big(rng: random.Random, token: str) -> Request:
    return _of_size(rng, token, rng.choice((100, 1_000, 10_000, 50_000)), reads_slowly=False)


def _big_read_slowly(rng: random.Random, token: str) -> Request:
    return _of_size(rng, token, 100_000, reads_slowly=True)


def _of_size(rng: random.Random, token: str, times: int, reads_slowly: bool) -> Request:
    body = asking("big", token, times)
    kind = "big_read_slowly" if reads_slowly else "big"
    return Request(kind, posted(body), body, transformed(token).encode() * times, reads_slowly=reads_slowly)


def _fail(rng: random.Random, token: str) -> Request:
    body = asking("fail", token, 0)
    return Request("fail", posted(body), body, None, error="500 script_failed")


def _stream(rng: random.Random, token: str) -> Request:
    count = rng.randint(1, 60)
    body = asking("stream", token, count)
    return Request("stream", posted(body), body, _pieces(token, count), reads_slowly=rng.random() < 0.05)


def _break_off(rng: random.Random, token: str) -> Request:
    body = asking("break_off", token, rng.randint(1, 10))
    return Request("break_off", posted(body), body, None, breaks_off=True)


def _say(rng: random.Random, token: str) -> Request:
    body = asking("say", token, rng.randint(1, 20))
    return Request("say", posted(body), body, _text(token))


def _not_utf8(rng: random.Random, token: str) -> Request:
    body = asking("echo", token, 0) + b"\xff\xfe"
    return Request("not_utf8", posted(body), body, None, error="400 bad_request")


def _deadline(rng: random.Random, token: str) -> Request:
    """Of 5 ms, for a call of 30."""
    body = asking("work", token, 30)
    head = posted(body, b"x-request-timeout-ms: 5")
    return Request("deadline", head, body, _text(token), error="504 deadline_exceeded")


def _too_large(rng: random.Random, token: str) -> Request:
    """It is refused by what its head says; the connection is then closed."""
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"
    return Request("too_large", head, b"", None, error="413 body_too_large", one_shot=True)


def _not_http(rng: random.Random, token: str) -> Request:
    return Request("not_http", b"\x16\x03\x01 hello\r\n\r\n", b"", None, error="400 malformed_request", one_shot=True)


def _nowhere(rng: random.Random, token: str) -> Request:
    return Request("nowhere", got(b"/" + token.encode()), b"", None, error="404 not_found")


def _departing(rng: random.Random, token: str, batched: bool) -> Request:
    leave = rng.choice(list(Leave))
    if leave is Leave.IN_ANSWER:
        drips = not batched and rng.random() < 0.5  # a batch gathers its streams, and this one takes 10 s
        body = asking("drip", token, 1000) if drips else asking("big", token, 300_000)
    elif leave is Leave.IN_BODY:
        body = asking("echo", token, 0, rng.choice((100, 200_000)))
    else:
        body = asking("work", token, rng.randint(0, 50))
    return Request(
        f"leave_{leave.value}",
        posted(body),
        body,
        None,
        one_shot=True,
        leave=leave,
        leave_after_s=rng.uniform(0, 0.03),
        leaves_politely=rng.random() < 0.5,
    )


def _text(token: str) -> bytes:
    return json.dumps(transformed(token)).encode()


def _pieces(token: str, count: int) -> bytes:
    own = transformed(token)
    return "".join(f"{own} {number}\n" for number in range(count)).encode()


KINDS = {
    "echo": Kind(70, _echo),
    "work": Kind(8, _work),
    "big": Kind(4, _big),
    "big_read_slowly": Kind(0.1, _big_read_slowly),
    "fail": Kind(3, _fail),
    "stream": Kind(5, _stream),
    "break_off": Kind(0.5, _break_off, in_batches=False),
    "say": Kind(2, _say),
    "not_utf8": Kind(1, _not_utf8),
    "deadline": Kind(0.5, _deadline),
    "too_large": Kind(0.3, _too_large),
    "not_http": Kind(0.3, _not_http),
    "nowhere": Kind(1, _nowhere),
}
