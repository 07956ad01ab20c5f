"""Why numbers are null: what the run gives, what the models say, and which of them wins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from plimsoll.profiling.result.base import Model
from plimsoll.profiling.result.unknown import Reasons


class Leaf(Model):
    """Says why itself."""

    null_because: ClassVar[Mapping[str, str]] = {"few": "too few", "silent": ""}

    few: float | None = None
    other: float | None = None
    silent: float | None = None


class Tried(Model):
    """Says why for itself and for what is below."""

    null_because: ClassVar[Mapping[str, str]] = {"kept": "nothing failed", "*": "not so far"}

    kept: list[str]
    leaf: Leaf = Leaf()


class Whole(Model):
    """All of it."""

    leaf: Leaf = Leaf()
    tried: list[Tried]
    memory: float | None = None
    peak_memory_bytes: int | None = None


WHOLE = Whole(tried=[Tried(kept=[])])


def test_the_field_says_why_and_the_run_what_else() -> None:
    assert Reasons("it was aborted").of(WHOLE) == {
        "leaf.few": "too few",
        "leaf.other": "it was aborted",
        "tried.0.kept": "nothing failed",
        "tried.0.leaf.few": "not so far",
        "tried.0.leaf.other": "not so far",
        "memory": "it was aborted",
        "peakMemoryBytes": "it was aborted",
    }


def test_what_the_run_gives_wins() -> None:
    given = {"leaf.*": "not run", "tried.leaf.few": "no time", "memory": "given"}
    found = Reasons("it was aborted", given).of(WHOLE)
    assert (found["leaf.few"], found["leaf.other"]) == ("not run", "not run")
    assert (found["tried.0.leaf.few"], found["tried.0.leaf.other"]) == ("no time", "not so far")
    assert found["memory"] == "given"


def test_memory_that_is_not_known_at_all_has_one_reason() -> None:
    given = {"measurements.memory": "given"}
    found = Reasons("it was aborted", given, memory="the kernel does not tell").of(WHOLE, "measurements.")
    assert found["measurements.memory"] == found["measurements.peakMemoryBytes"] == "the kernel does not tell"
    assert found["measurements.leaf.other"] == "it was aborted"


def test_a_part_that_was_made_later_has_its_place() -> None:
    assert Reasons("it was aborted").of(Leaf(), "verification.") == {
        "verification.few": "too few",
        "verification.other": "it was aborted",
    }
