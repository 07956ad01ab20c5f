"""A conversation about which only the beginning is known: what `reference` finds in its bytes."""

from __future__ import annotations

import random
from collections.abc import Collection

from corpus.case import Case
from reference import Request, read
from talk.conversation import Conversation
from talk.judge import beyond_the_last, flaw
from talk.reading import Seen

_IN_STEP = "spoilt and pipelined"


class Fuzzed(Conversation):
    """`doubted`: features of the grammar of which nothing is expected.

    Where errors overtake answers, the client waits for those that it knows of before it sends what is doubtful."""

    def __init__(self, port: int, raw: bytes, source: random.Random, doubted: Collection[str]) -> None:
        self._found, ends = read(raw, doubted)
        self._doubtful_from = ends[-1] if ends else 0
        size = len(raw)
        cuts = sorted(source.randrange(size) for _ in range(source.choice((0, 0, 1, 1, 3, 20))))
        waits = (
            {end: number for number, end in enumerate(ends, 1)}
            if _IN_STEP in doubted and self._doubtful_from < size
            else {}
        )
        super().__init__(port, Case("drawn", "", raw, (), waits=waits), cuts)

    def is_whole(self) -> bool:
        """All of it is beyond doubt."""
        return self._doubtful_from == len(self.case.raw)

    def _can_go_on(self) -> bool:
        return self.is_whole() and len(self._reading.seen) == len(self._found)

    def _judged(self, by_reset: bool) -> str | None:
        seen = list(self._reading.seen)
        if fault := flaw(seen[: len(self._found)]) or beyond_the_last(seen):
            return fault
        if self.is_whole():
            if not self._sentinel or not seen or seen.pop().body != self._sentinel:
                return f"the connection ended, having got {self._got()}"
            return self._unlike(seen) or (None if len(seen) == len(self._found) else "an answer that nobody asked for")
        return self._unlike(seen[: len(self._found)]) or self._too_many(seen)

    def _given_up(self) -> str | None:
        """Nothing comes any more: right where a request is not whole."""
        if self.is_whole():
            return f"only {len(self._reading.seen)} of {len(self._found)} answers came: {self._got()}"
        return self._judged(by_reset=False)

    def _unlike(self, seen: list[Seen]) -> str | None:
        if len(seen) < len(self._found):
            return f"only {len(seen)} of {len(self._found)} answers came: {self._got()}"
        for number, (request, answer) in enumerate(zip(self._found, seen, strict=True)):
            if not _is_echo(request, answer):
                return f"request {number}, {request.target!r}, was answered by {answer}"
        return None

    def _too_many(self, seen: list[Seen]) -> str | None:
        """Whatever the rest is, a request has a line with a version in it, and what is none is answered once."""
        rest = self.case.raw[self._doubtful_from :]
        finals = [one for one in seen if one.status >= 200]
        if len(finals) > len(self._found) + rest.count(b"HTTP/") + 1:
            return f"{len(finals)} answers came: {self._got()}"
        return None


def _is_echo(request: Request, seen: Seen) -> bool:
    said = (seen.status, seen.fields.get(b"x-method"), seen.fields.get(b"x-target"), seen.body)
    return said == (200, request.method, request.target, request.body)
