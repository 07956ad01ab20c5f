"""What may come back for arbitrary bytes from a real server, as `fuzzed` judges it: bytes in, bytes out."""

from __future__ import annotations

import random

from fuzzed import Fuzzed
from talk.play import Fence


class Hurried(Fuzzed):
    """Turns alone tell a silence: here most inputs are not whole, and waiting for each would be most of the time."""

    patience_s = 0.0


def check(port: int, fence: Fence, data: bytes) -> None:
    """Raises AssertionError. Where `data` is cut follows from it alone."""
    if not data:
        return
    one = Hurried(port, data, random.Random(data), ())
    while not one.over:
        fence.wait()
        one.advance()
    assert one.deviation is None, f"{one.deviation}\n{data!r}"
