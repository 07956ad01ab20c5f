"""A competitor takes what the weight of others leaves, and goes with whoever started it."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from plimsoll.host.cgroups.groups import LimitedGroup
from plimsoll.host.cgroups.names import GroupName
from plimsoll.profiling.measure.competitor import competitor
from support.families import wait_all_ended
from support.living import living
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
                got[weight] = cores_of(server, members(others))
    # Whoever else is on that CPU takes from both alike, but not the same in both rounds.
    shares = {weight: ours / (ours + theirs) for weight, (ours, theirs) in got.items()}
    assert shares == pytest.approx({0.75: 0.75, 0.25: 0.25}, abs=0.1), got


def members(group: LimitedGroup) -> list[int]:
    return [int(pid) for pid in group.doors[0].read_text().split()]


def test_it_is_gone_when_the_block_ends_and_when_its_owner_is_killed() -> None:
    cpus = sorted(os.sched_getaffinity(0))
    with delegation() as groups, groups.group(name("others")) as others:
        with competitor(others, cpus):
            ours = spinning_below(os.getpid())
            assert len(ours) >= len(cpus)
        assert living(ours) == []
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
    theirs = spinning_below(owner.pid)
    assert theirs
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_all_ended(theirs, "the competitor")


def spinning_below(pid: int) -> list[psutil.Process]:
    """By their parent: a run of the tests beside this one has a competitor too."""
    return [one for one in psutil.Process(pid).children(recursive=True) if SPIN in one.cmdline()]
