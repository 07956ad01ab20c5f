"""Draws sequences of requests from a seed, and spoils some of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection

FEATURES = ("upgrade", "blanks", "large", "spoilt and pipelined")
"""What may be left out, as long as the server does not bear it: see `corpus.known`."""
_OFFERS = (b"Connection: Upgrade\r\nUpgrade: foo\r\n", b"Upgrade: h2c\r\nConnection: keep-alive, upgrade\r\n")
_NAMES = (b"Accept", b"X-Probe", b"User-Agent", b"Cookie", b"X-A", b"!#$%&'*+.^_`|~", b"Range", b"Forwarded")
_VALUES = (b"", b"a", b"a b\tc", b"*/*", b"\xe9\xff", b":", b"chunked", b"5", b"GET / HTTP/1.1", b"v" * 500)
_EXTENSIONS = (b"", b";a", b";a=b", b';a="b;c"', b";" + b"x" * 50)
_HIDDEN = b"POST /score?evil HTTP/1.1\r\nHost: evil\r\nContent-Length: 0\r\n\r\n"
_BODIES = (b"\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", _HIDDEN, bytes(range(256)), b"}" * 9)
_PIECES = (
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b"\x00",
        b" ",
        b"\t",
        b":",
        b";",
        b",",
        b"0",
        b"-",
        b"+",
        b"\r\n\r\n",
        b"0\r\n\r\n",
        b"\xff",
    ),
    *(
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Host: x\r\n",
        b"HTTP/1.1",
        b"HTTP/1.0",
        b"HTTP/2.0",
    ),
    *(
        b"Transfer-Encoding: gzip\r\n",
        b"Connection: close\r\n",
        b"Expect: 100-continue\r\n",
        b"ffffffffffffffff",
        _HIDDEN,
    ),
)


class Grammar:
    def __init__(self, seed: str, without: Collection[str] = (), only: str | None = None) -> None:
        """`only`: every sequence has this feature."""
        self._random = random.Random(seed)
        self._features = set(FEATURES) - set(without)
        self._only = only

    def draw(self) -> bytes:
        raw = b"".join(self._request() for _ in range(self._random.randint(1, 5)))
        if self._only != "spoilt and pipelined" and (self._only or self._random.random() < 0.3):
            return raw
        return self._spoilt(raw)

    def _request(self) -> bytes:
        source = self._random
        method = source.choice((b"POST", b"POST", b"GET", b"OPTIONS"))
        head = b"%b /score?%016x HTTP/1.1\r\nHost: x\r\n" % (method, source.getrandbits(64))
        head += b"".join(self._field() for _ in range(source.randint(0, 3)))
        if self._has("upgrade", 0.2):
            head += source.choice(_OFFERS)
        if source.random() < 0.5:
            return head + self._chunked()
        body = self._body()
        return head + b"Content-Length: %d%b\r\n\r\n%b" % (len(body), self._blanks(), body)

    def _field(self) -> bytes:
        return self._random.choice(_NAMES) + b": " + self._random.choice(_VALUES) + b"\r\n"

    def _blanks(self) -> bytes:
        """Behind a value that the framing depends on."""
        return self._random.choice((b" ", b"\t", b" \t ")) if self._has("blanks", 0.3) else b""

    def _body(self) -> bytes:
        source = self._random
        parts = [source.choice(_BODIES) if source.random() < 0.5 else source.randbytes(source.randint(0, 60))]
        if self._has("large", 0.05):
            parts.append(source.randbytes(source.choice((4_000, 20_000, 70_000))))
        return b"".join(parts)

    def _chunked(self) -> bytes:
        source, parts = self._random, [b"Transfer-Encoding: chunked", self._blanks(), b"\r\n\r\n"]
        for _ in range(source.randint(0, 4)):
            if body := self._body():
                size = source.choice((b"%x", b"%X", b"0%x")) % len(body)
                parts += [size, source.choice(_EXTENSIONS), b"\r\n", body, b"\r\n"]
        trailers = b"".join(b"X-T: %d\r\n" % number for number in range(source.choice((0, 0, 1, 3))))
        return b"".join(parts) + b"0" + source.choice(_EXTENSIONS) + b"\r\n" + trailers + b"\r\n"

    def _has(self, feature: str, share: float) -> bool:
        return feature in self._features and (self._only == feature or self._random.random() < share)

    def _spoilt(self, raw: bytes) -> bytes:
        for _ in range(self._random.choice((1, 1, 1, 2, 4))):
            raw = self._random.choice(_SPOILERS)(self._random, raw, self._random.randrange(len(raw)))
        return raw


def _flip(source: random.Random, raw: bytes, at: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ 1 << source.randrange(8)]) + raw[at + 1 :]


def _insert(source: random.Random, raw: bytes, at: int) -> bytes:
    return raw[:at] + source.choice(_PIECES) + raw[at:]


def _replace(source: random.Random, raw: bytes, at: int) -> bytes:
    return raw[:at] + source.choice(_PIECES) + raw[at + source.randint(1, 9) :]


def _delete(source: random.Random, raw: bytes, at: int) -> bytes:
    return raw[:at] + raw[at + source.choice((1, 1, 2, 9, 40)) :] or b"x"


def _double(source: random.Random, raw: bytes, at: int) -> bytes:
    return raw[: at + source.choice((1, 2, 9, 40))] + raw[at:]


_SPOILERS: tuple[Callable[[random.Random, bytes, int], bytes], ...] = (_flip, _insert, _replace, _delete, _double)
