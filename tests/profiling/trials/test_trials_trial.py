"""The control group that a server is measured in must not hold it back by itself."""

from __future__ import annotations

import os

import pytest

from plimsoll.profiling.trials.trial import enclosed
from support.spinning import cores_of, delegation, spinning


@pytest.mark.parametrize("busy", [1, 2])
def test_each_process_in_the_group_has_as_much_as_one_beside_it(busy: int) -> None:
    """On one CPU, where they are as many as outside: half of it (sched-design-CFS, cgroup-v2: cpu.weight).

    In a group with the weight that it has by itself two would have a third, as the two beside it have a weight each.
    """
    cpu = min(os.sched_getaffinity(0))
    with (
        delegation() as groups,
        enclosed(groups, "served", busy) as enclosure,
        spinning(cpu, enclosure.doors(), busy) as inside,
        spinning(cpu, count=busy) as outside,
    ):
        within, beside = cores_of(inside, outside)
    # Whoever else is on that CPU takes from both alike.
    assert within / (within + beside) == pytest.approx(0.5, abs=0.09)


def test_without_control_groups_there_is_nothing_to_weigh() -> None:
    with enclosed(None, "served", 2) as enclosure:
        enclosure.weigh(1.5)
        assert not enclosure.enforced
        assert enclosure.doors() == []
