"""The timeline of a run: fewer points than were measured, but the same peaks, the same sums and the same order."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from plimsoll.profiling.answer.measurements import timeline
from plimsoll.profiling.measure.timeline import Moment, Recorder

GPU: Any = object()
MOMENT = st.tuples(
    st.floats(0.01, 2.0),
    st.floats(0, 64),
    st.integers(0, 10**11),
    st.none() | st.floats(0.01, 1),
    st.integers(0, 10**11),
)

# An example takes a tenth of a second: hundreds of them, only to find a smaller one, would take minutes.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)


def recorded(steps: list[tuple[float, float, int, float | None, int]], gpu: bool = False) -> Recorder:
    times_s = itertools.accumulate(step for step, *_ in steps)
    moments = [Moment(at_s, *step[1:]) for at_s, step in zip(times_s, steps, strict=True)]
    return Recorder(moments, [], gpu=GPU if gpu else None)


@settings(deadline=None, max_examples=40, phases=WITHOUT_SHRINKING)
@given(steps=st.lists(MOMENT, max_size=20), times=st.integers(1, 60), gpu=st.booleans())
def test_the_timeline_is_short_and_loses_no_peak(
    steps: list[tuple[float, float, int, float | None, int]], times: int, gpu: bool
) -> None:
    found = recorded(steps * times, gpu)
    moments, built = found.moments, timeline(found)
    assert len(built.seconds) == len(built.cores) == len(built.memory_bytes) <= 240
    assert len(built.gpu_memory_bytes) == (len(built.seconds) if gpu else 0)
    assert built.seconds == sorted(built.seconds)
    if moments:
        assert built.seconds[-1] == round(moments[-1].at_s, 2)
        shares = [moment.held_share for moment in moments if moment.held_share is not None]
        first = shares[0] if shares else 1.0
        held = [
            round(moment.resident_bytes * (first if moment.held_share is None else moment.held_share))
            for moment in moments
        ]
        assert max(built.memory_bytes) == max(held)
        assert max(built.cores) <= max(moment.cores for moment in moments) + 0.001
        if gpu:
            assert max(built.gpu_memory_bytes) == max(moment.gpu_bytes or 0 for moment in moments)
    if len(moments) <= 240:
        assert built.cores == [round(moment.cores, 3) for moment in moments]


def test_merged_moments_keep_the_mean_of_the_cores() -> None:
    """480 moments in pairs: of one busy and one idle moment half remains."""
    built = timeline(recorded([(0.5, 2.0, 10, None, 0), (0.5, 0.0, 20, None, 0)] * 240))
    assert set(built.cores) == {1.0}
    assert set(built.memory_bytes) == {20}
    assert len(built.seconds) == 240
    assert built.seconds[:2] == [1.0, 2.0]


def test_phases_follow_each_other_without_a_gap() -> None:
    moments = [Moment(at_s, 1.0, 1, 1.0) for at_s in (1.0, 5.0, 9.0)]
    names = [("start", 0.0), ("census", 2.004), ("capacity", 4.0), ("verify: start", 7.5)]
    spans = timeline(Recorder(moments, names)).phases
    assert [(span.name, span.begin_seconds) for span in spans] == [(name, round(at_s, 2)) for name, at_s in names]
    assert all(one.end_seconds == other.begin_seconds for one, other in itertools.pairwise(spans))
    assert spans[-1].end_seconds == 9.0, "the last one lasts as long as there are moments"


def test_a_phase_that_began_after_the_last_moment_has_no_length_below_nothing() -> None:
    spans = timeline(Recorder([], [("start", 0.5), ("census", 3.0)])).phases
    assert [(span.begin_seconds, span.end_seconds) for span in spans] == [(0.5, 3.0), (3.0, 3.0)]
    assert timeline(Recorder()).phases == []
