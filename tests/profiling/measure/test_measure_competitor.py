"""A competitor takes what the weight of others leaves, and goes with whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from plimsoll.host.cgroups.names import GroupName
from plimsoll.profiling.measure.competitor import competitor
from support.profile_runs import processes_that_mention
from support.spinning import cores_of, delegation, spinning

SPIN = "while True: pass"


def name(purpose: str) -> str:
    return str(GroupName(os.getpid(), purpose))


def test_it_leaves_a_server_its_weight() -> None:
    """On one CPU, of which both want all: the shares are as the weights (sched-design-CFS, cgroup-v2: cpu.weight)."""
    cpu = min(os.sched_getaffinity(0))
    got = {}
    with (
        delegation() as groups,
        groups.group(name("served")) as served,
        groups.group(name("others")) as others,
        spinning(cpu, served.doors) as server,
    ):
        for weight in (0.75, 0.25):
            served.weigh(weight)
            others.weigh(1 - weight)
            with competitor(others, [cpu]):
                (got[weight],) = cores_of(server)
    # Whoever else is on that CPU takes from both alike.
    assert got[0.75] / got[0.25] == pytest.approx(3.0, rel=0.35), got


def test_it_is_gone_when_the_block_ends_and_when_its_owner_is_killed() -> None:
    cpus = sorted(os.sched_getaffinity(0))
    with delegation() as groups, groups.group(name("others")) as others, competitor(others, cpus):
        assert len(processes_that_mention(SPIN)) >= len(cpus)
    assert processes_that_mention(SPIN) == []
    source = (
        "import os, time\nfrom plimsoll.host.cgroups.groups import delegate\n"
        "from plimsoll.host.cgroups.names import GroupName\n"
        "from plimsoll.profiling.measure.competitor import competitor\n"
        "with delegate() as made, made.group(str(GroupName(os.getpid(), 'killed'))) as group:\n"
        "    with competitor(group, [0]):\n        print('up', flush=True)\n        time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"up\n"
    assert processes_that_mention(SPIN)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 10
    while processes_that_mention(SPIN) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes_that_mention(SPIN) == []
