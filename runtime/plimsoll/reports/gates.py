"""What became of the gates, as tables for the page and for a comment."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.result.profile import GateResult, Profile
from plimsoll.reports.parts import Figure, TableData
from plimsoll.reports.units import UNKNOWN

_RESULTS = {True: "passed", False: "failed", None: "not compared"}


def gates(profile: Profile) -> Iterator[Figure]:
    if profile.gates:
        yield Figure("Gates", gates_sentence(profile), None, tuple(gate_tables(profile)))


def gates_sentence(profile: Profile) -> str:
    """How many failed, and what a table has no room for."""
    failed = sum(gate.held is False for gate in profile.gates)
    decided = sum(gate.held is not None for gate in profile.gates)
    sentences = [f"{failed} of {decided} failed." if failed else f"All {decided} passed."]
    sentences += [f"{_note(gate)}." for gate in profile.gates if gate.held is None or gate.measured is None]
    return " ".join(sentences)


def gate_tables(profile: Profile) -> Iterator[TableData]:
    """Conditions with the required grade, then the comparison with the baseline."""
    own = [gate for gate in profile.gates if gate.kind != "baseline"]
    if own:
        yield TableData(("gate", "result", "measured", "fails if"), tuple(_condition(gate) for gate in own))
    compared = [gate for gate in profile.gates if gate.kind == "baseline" and gate.before is not None]
    if compared:
        columns = ("compared with baseline", "result", "change", "before", "now", "fails if")
        yield TableData(columns, tuple(_compared(gate) for gate in compared))


def _condition(gate: GateResult) -> tuple[str, ...]:
    return gate.name, _RESULTS[gate.held], gate.measured or UNKNOWN, gate.bound or UNKNOWN


def _compared(gate: GateResult) -> tuple[str, ...]:
    change = UNKNOWN if gate.change is None else f"{gate.change:+.1%}"
    known = (gate.before or UNKNOWN, gate.measured or UNKNOWN, gate.bound or UNKNOWN)
    return gate.name, _RESULTS[gate.held], change, *known


def _note(gate: GateResult) -> str:
    """What a user wrote stays as it was written."""
    if gate.kind == "condition":
        return gate.sentence
    sentence = gate.sentence.removeprefix("baseline: ")
    return sentence[:1].upper() + sentence[1:]
