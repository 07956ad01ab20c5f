"""Whether the machine is quiet, and what a quota of our own costs."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from plimsoll.host.groups import LimitsUnavailable, delegate
from plimsoll.profiling.answer.grade import grade_reasons
from plimsoll.profiling.findings import Surroundings
from plimsoll.profiling.gpu.answer import GpuVerdict
from plimsoll.profiling.measure.noise import Spin, drift, read_cpu_use, spin
from support.made_up import findings


def test_noise_is_seen() -> None:
    calm, slowed = Spin((0.010, 0.011), (0.010, 0.011)), Spin((0.012, 0.013), (0.024, 0.026))
    assert drift(calm, slowed) == pytest.approx(0.2)
    assert calm.stolen_share == 0.0
    assert slowed.stolen_share == pytest.approx(0.5)
    assert 0 < spin().fastest_cpu_s < 1
    before = read_cpu_use()
    end_s = time.process_time() + 0.2
    while time.process_time() < end_s:
        pass
    after = read_cpu_use()
    assert after.own_s - before.own_s >= 0.2
    assert after.busy_s - before.busy_s >= 0.15


def test_a_quota_that_stopped_us_is_a_doubt() -> None:
    gpu = GpuVerdict([], None)
    assert not [reason for reason in grade_reasons(findings(), gpu) if "quota" in reason]
    found = findings(surroundings=Surroundings(throttled_s=3.21))
    assert [reason for reason in grade_reasons(found, gpu) if "for 3.2 s" in reason]


def test_throttling_is_seen_from_inside() -> None:
    source = (
        "import time; from plimsoll.profiling.measure.noise import throttled_s\n"
        "before, end = throttled_s(), time.monotonic() + 1\n"
        "while time.monotonic() < end: pass\n"
        "print(throttled_s() - before)"
    )
    try:
        with delegate() as delegation, delegation.group(f"plimsoll-{os.getpid()}-throttled") as group:
            group.limit_cpu(0.2)
            doors = [os.open(door, os.O_WRONLY) for door in group.doors]
            done = subprocess.run(
                [sys.executable, "-c", source],
                preexec_fn=lambda: [os.write(door, b"0") for door in doors],
                capture_output=True,
                text=True,
                check=True,
            )
            assert 0.1 < float(done.stdout) < 1.5
    except LimitsUnavailable as reason:
        pytest.skip(f"no limits here: {reason}")
