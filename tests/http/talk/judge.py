"""Whether what came back is an outcome that its case allows."""

from __future__ import annotations

from collections.abc import Sequence

from corpus.case import Answer, Outcome

from talk.reading import Seen

_EVIL = b"evil"
"""Part of everything in the corpus that must not be taken for a request or a field."""


def fits(answer: Answer, seen: Seen) -> bool:
    return (
        seen.status in answer.statuses
        and (answer.body is None or seen.body == answer.body)
        and all(name in seen.fields for name in answer.fields)
        and _as_seen(answer.method, seen, b"x-method")
        and _as_seen(answer.target, seen, b"x-target")
        and _as_seen(answer.probe and answer.probe.hex().encode(), seen, b"x-probe")
    )


def is_complete(outcome: Outcome, seen: Sequence[Seen]) -> bool:
    """All of its answers are there, and no other."""
    return len(outcome.answers) == len(seen) and all(map(fits, outcome.answers, seen))


def flaw(seen: Sequence[Seen]) -> str | None:
    """What no answer may be, in whatever case of the corpus."""
    return _evil(seen) or beyond_the_last(seen)


def beyond_the_last(seen: Sequence[Seen]) -> str | None:
    if any(one.fields.get(b"connection", b"").lower() == b"close" for one in seen[:-1]):
        return "an answer follows one that says Connection: close"
    return None


def _evil(seen: Sequence[Seen]) -> str | None:
    for one in seen:
        for name, value in one.fields.items():
            if _EVIL in name.lower() or _EVIL in value.lower():
                return f"the answer says {name.decode()}: {value.decode('latin-1')}"
    return None


def _as_seen(expected: bytes | None, seen: Seen, name: bytes) -> bool:
    return expected is None or seen.fields.get(name) == expected
