"""The run on a time axis: moments no closer than half a second, phases for everybody who listens."""

from __future__ import annotations

import itertools
import os
import time

import pytest

from plimsoll.host.processes import ProcessTree
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.measure.meter import ServerMeter
from plimsoll.profiling.measure.timeline import Recorder


class Listener:
    """A recorder of GPUs that writes down what it hears."""

    def __init__(self) -> None:
        self.lost: str | None = None
        self.heard: list[object] = []

    def begin_server(self, configuration: Configuration, trial: bool, tree: object) -> None:
        self.heard.append((configuration, trial, callable(tree)))

    def begin(self, phase: str) -> None:
        self.heard.append(phase)

    def rise_bytes(self) -> int:
        return 1234


@pytest.fixture(scope="module")
def recorded() -> Recorder:
    """Some two seconds of this very process, of which it works for half a second; asked fifty times a second."""
    recorder, meter = Recorder(gpu=Listener()), ServerMeter(ProcessTree(os.getpid()))
    meter.memory()
    recorder.begin("quiet")
    record_until(recorder, meter, 1)
    recorder.begin("busy")
    end_s = time.process_time() + 0.5
    while time.process_time() < end_s:
        pass
    record_until(recorder, meter, 3)
    return recorder


def record_until(recorder: Recorder, meter: ServerMeter, moments: int) -> None:
    while len(recorder.moments) < moments:
        recorder.record(meter)
        time.sleep(0.02)


def test_moments_are_no_closer_than_half_a_second(recorded: Recorder) -> None:
    times_s = [0.0, *(moment.at_s for moment in recorded.moments)]
    assert len(times_s) >= 4
    assert all(after - before >= 0.5 for before, after in itertools.pairwise(times_s))


def test_each_moment_has_the_mean_since_the_one_before(recorded: Recorder) -> None:
    """Cores times time is all the CPU that was used; a moment that shows half a second of work is there."""
    times_s = [0.0, *(moment.at_s for moment in recorded.moments)]
    spans_s = [after - before for before, after in itertools.pairwise(times_s)]
    worked_s = [span * moment.cores for span, moment in zip(spans_s, recorded.moments, strict=True)]
    assert all(moment.cores >= 0.0 for moment in recorded.moments)
    assert max(worked_s[1:]) >= 0.45


def test_moments_know_the_memory_of_tree_and_gpu(recorded: Recorder) -> None:
    for moment in recorded.moments:
        assert moment.resident_bytes > 5_000_000
        assert moment.held_share is not None
        assert 0 < moment.held_share <= 1
        assert moment.gpu_bytes == 1234


def test_phases_come_in_order_and_the_gpus_hear_of_them(recorded: Recorder) -> None:
    assert [name for name, _ in recorded.phases] == ["quiet", "busy"]
    assert recorded.phases[0][1] < 0.5 <= recorded.phases[1][1]
    assert isinstance(recorded.gpu, Listener)
    assert recorded.gpu.heard == ["quiet", "busy"]
    recorded.begin_server(Configuration(2), True, ServerMeter(ProcessTree(os.getpid())))
    assert recorded.gpu.heard[-1] == (Configuration(2), True, True)


def test_a_gpu_that_is_lost_is_passed_on(recorded: Recorder) -> None:
    assert recorded.lost_gpu() is None
    assert isinstance(recorded.gpu, Listener)
    recorded.gpu.lost = "gone"
    assert recorded.lost_gpu() == "gone"


def test_without_a_gpu_nobody_is_told() -> None:
    recorder, meter = Recorder(), ServerMeter(ProcessTree(os.getpid()))
    recorder.begin_server(Configuration(1), False, meter)
    recorder.begin("start")
    recorder.record(meter)
    assert (recorder.lost_gpu(), recorder.moments) == (None, []), "half a second has not passed yet"
