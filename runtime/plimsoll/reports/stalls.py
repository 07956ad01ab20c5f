"""Times at which the server stood still: a section of the page, a table, a line on a console."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.result.stalls import StallResult
from plimsoll.reports.parts import Figure, TableData
from plimsoll.reports.units import UNKNOWN, number

_MOST_TIMES = 4


def stalls(profile: Profile) -> Iterator[Figure]:
    found = profile.measurements.stalls
    if found:
        yield Figure("Stalls", stalls_sentence(found), None, (stalls_table(found),))


def stalls_sentence(found: list[StallResult]) -> str:
    words = ["Requests were stuck for longer than their own cost or a queue explains."]
    for stall in found:
        sentence = stall.sentence()
        words.append(f"{sentence[:1].upper()}{sentence[1:]}: {stall.process_reason}.")
    return " ".join(words)


def stalls_table(found: list[StallResult]) -> TableData:
    names = ("process", "s", "longest", "times", "in s", "every s", "late", "configuration", "at s")
    return TableData(names, tuple(_row(stall) for stall in found))


def stall_answer(profile: Profile) -> Iterator[str]:
    """`0.5 s about every 5 s: a model worker stood still`."""
    for stall in profile.measurements.stalls:
        seen = "" if stall.recommended else f", seen with {stall.layout}"
        yield f"{number(stall.length_seconds)} s {stall.how_often}: {stall.who} stood still{seen}"


def stall_spans(profile: Profile) -> list[tuple[float, float]]:
    """Begin and length of each, in seconds of the run."""
    return [(at_s, stall.length_seconds) for stall in profile.measurements.stalls for at_s in stall.at_seconds]


def _row(stall: StallResult) -> tuple[str, ...]:
    times = ", ".join(f"{at_s:.0f}" for at_s in stall.at_seconds[:_MOST_TIMES])
    return (
        stall.process or UNKNOWN,
        number(stall.length_seconds),
        number(stall.longest_seconds),
        str(stall.count),
        f"{stall.observed_seconds:.0f}",
        number(stall.period_seconds),
        f"{stall.answers:,}",
        stall.layout,
        times + (" …" if stall.count > _MOST_TIMES else ""),
    )
