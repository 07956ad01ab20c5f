"""What a quota of our own costs: it is seen, and a reason of the grade."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from plimsoll.host.cgroups.groups import LimitsUnavailable, delegate
from plimsoll.profiling.answer.grade import grade_reasons
from plimsoll.profiling.findings import Surroundings
from plimsoll.profiling.gpu.answer import GpuVerdict
from support.made_up import findings


def test_a_quota_that_stopped_us_is_a_doubt() -> None:
    gpu = GpuVerdict([], None)
    assert not [reason for reason in grade_reasons(findings(), gpu) if "quota" in reason]
    found = findings(surroundings=Surroundings(throttled_s=3.21))
    assert [reason for reason in grade_reasons(found, gpu) if "for 3.2 s" in reason]


def test_throttling_is_seen_from_inside() -> None:
    source = (
        "import time; from plimsoll.host.cgroups.limits import find_cgroup\n"
        "before, begun = find_cgroup().throttled_s(), time.monotonic()\n"
        "while time.monotonic() < begun + 1: pass\n"
        "print(find_cgroup().throttled_s() - before, time.monotonic() - begun)"
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
            throttled_s, elapsed_s = map(float, done.stdout.split())
            assert 0.1 < throttled_s < elapsed_s + 0.2, "less than all the time, and the period in which it began"
    except LimitsUnavailable as reason:
        pytest.skip(f"no limits here: {reason}")
