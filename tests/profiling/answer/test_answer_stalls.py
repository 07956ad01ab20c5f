"""From the load that was watched to what is written of stalls: the list, the reason where it is empty, the grade."""

from __future__ import annotations

from typing import Any

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.advice.stalls import Stretch
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.load.bursts import Burst
from plimsoll.profiling.measure.timeline import Recorder
from plimsoll.profiling.phases.capacity import Capacity
from support.made_up import STARTUP, findings, level, window, written_of

BURSTS = (Burst(3.0, 0.5, 7), Burst(8.0, 0.5, 9))


def watched(*bursts: Burst, workers: int = 1) -> Findings:
    """Ten seconds of load on a server with so many workers."""
    stretch = Stretch(1, Configuration(workers), "capacity", 1.0, 11.0, 0.05, bursts)
    recorder = Recorder(stretches=[stretch])
    return findings(startup=STARTUP, capacity=Capacity((level(window()),)), timeline=recorder)


def test_a_stall_is_written_and_a_reason_of_the_grade() -> None:
    profile = written_of(watched(*BURSTS))
    (stall,) = profile.measurements.stalls
    assert (stall.count, stall.length_seconds, stall.recommended, stall.answers) == (2, 0.5, True, 16)
    assert stall.sentence() in profile.grade_reasons
    assert profile.unknown["measurements.stalls.0.periodSeconds"] == "it was seen only 2 times"
    assert profile.unknown["measurements.stalls.0.process"] == "the server's metrics could not be read meanwhile"


def test_one_of_another_configuration_is_carried_along() -> None:
    profile = written_of(watched(*BURSTS, workers=2))
    (stall,) = profile.measurements.stalls
    assert (stall.workers, stall.recommended) == (2, False)
    assert any("not what is recommended" in reason for reason in profile.grade_reasons)


def test_where_there_is_none_the_reason_says_how_long_was_looked() -> None:
    profile = written_of(watched())
    assert profile.measurements.stalls == []
    assert profile.unknown["measurements.stalls"] == "none in 10 s of steady load"


def test_without_load_nothing_is_claimed() -> None:
    unknown: dict[str, Any] = written_of(findings()).unknown
    assert unknown["measurements.stalls"] == "it was not measured"
