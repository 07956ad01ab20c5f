"""What a case of the corpus is: the bytes that a client sends, and every course that the connection may then take.

Statuses and sections are those of RFC 9110 (HTTP semantics) and RFC 9112 (HTTP/1.1). A case that leaves the connection
open is followed by a request of the test's own, so a wrong end of a message shows in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

MAX_HEAD_BYTES = 4_096
MAX_BODY_BYTES = 200_000
SMALL_BYTES = 65_536
"""How much of a body that nobody wants is read so that the connection can go on."""
POST = b"POST /score HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /score HTTP/1.1\r\nHost: x\r\n"
KEY = b"KEY-OF-THE-CORPUS"
AUTHORIZATION = b"Authorization: Bearer " + KEY
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


class Way(StrEnum):
    """How the bytes of a case are sent."""

    WHOLE = "whole"
    BYTEWISE = "byte by byte"
    SPLIT = "in two pieces"


@dataclass(frozen=True, slots=True)
class Answer:
    """`statuses`: any of them. What is None is not looked at.

    `body` is the whole body. `method`, `target` and `probe` are what the script saw: the last is the value of the
    field X-Probe. `fields` must be in the head of the answer. `bodiless`: it answers HEAD.
    """

    statuses: frozenset[int]
    body: bytes | None = None
    method: bytes | None = None
    target: bytes | None = None
    probe: bytes | None = None
    fields: tuple[bytes, ...] = ()
    bodiless: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """These answers and no other; then the connection `ends`, or serves the next request."""

    answers: tuple[Answer, ...]
    ends: bool = False

    def then_ends(self) -> Outcome:
        return replace(self, ends=True)


@dataclass(frozen=True, slots=True)
class Case:
    """`outcomes`: any of them is right; there are several where the RFC, or the time at which bytes come, allows it.

    `waits`: offset in `raw` to the number of answers, interim ones included, that come before the client sends on.
    `half_close`: the client then sends FIN. `arrives`: the connection may not be reset, however much is still sent.
    `keyed`: to the server that asks for an API key. `unannounced`: when the answer went out, the server could not yet
    know that it would be the last one (RFC 9112 §9.6 asks for Connection: close where it does).
    """

    name: str
    section: str
    raw: bytes
    outcomes: tuple[Outcome, ...]
    ways: frozenset[Way] = frozenset(Way)
    waits: Mapping[int, int] = field(default_factory=dict)
    half_close: bool = False
    arrives: bool = False
    keyed: bool = False
    unannounced: bool = False

    def bodiless(self, number: int) -> bool:
        """Whether the final answer of that number is one to HEAD."""
        return any(
            answer.bodiless
            for outcome in self.outcomes
            for answer in [one for one in outcome.answers if min(one.statuses) >= 200][number : number + 1]
        )


def case(
    name: str,
    section: str,
    raw: bytes,
    *outcomes: Outcome,
    ways: frozenset[Way] = frozenset(Way),
    waits: Mapping[int, int] | None = None,
    half_close: bool = False,
    arrives: bool = False,
    keyed: bool = False,
    unannounced: bool = False,
) -> Case:
    return Case(name, section, raw, outcomes, ways, waits or {}, half_close, arrives, keyed, unannounced)


def status(*statuses: int, fields: tuple[bytes, ...] = (), bodiless: bool = False) -> Answer:
    return Answer(frozenset(statuses), fields=fields, bodiless=bodiless)


def echo(
    body: bytes = b"", *, method: bytes | None = None, target: bytes | None = None, probe: bytes | None = None
) -> Answer:
    """What the script answers: the body of the request, and nobody else's."""
    return Answer(frozenset({200}), body, method, target, probe)


HEADLESS = status(200, bodiless=True)
"""A good answer to HEAD."""
CONTINUE = status(100)


def answers(*expected: Answer) -> Outcome:
    """The connection stays usable."""
    return Outcome(expected)


def echoes(*bodies: bytes) -> Outcome:
    return Outcome(tuple(echo(body) for body in bodies))


def refused(*statuses: int, after: tuple[Answer, ...] = ()) -> Outcome:
    """One of these statuses, after the answers before it, and the connection ends."""
    return Outcome((*after, status(*statuses)), ends=True)


BAD = refused(400)
SILENT_END = Outcome((), ends=True)


def posted(body: bytes, *fields: bytes) -> bytes:
    """A good request to the script."""
    head = (POST[:-2], *fields, b"Content-Length: %d" % len(body))
    return b"\r\n".join(head) + b"\r\n\r\n" + body
