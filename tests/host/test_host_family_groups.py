"""Where groups of workers are made and found again, by fixture trees. For real ones: tests/faults, tests/cgroup2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from host_children import child
from test_host_cgroup import V1_MOUNTS, V2_MOUNT, plant

from plimsoll.host.family.entrance import enter_group, home_of_groups, pattern_of
from plimsoll.host.family.groups import sweep_groups, worker_groups
from plimsoll.host.family.marks import Mark

TOP = "sys/fs/cgroup"
MARK = Mark(77, 1, 5)


def machine(root: Path, group: str, pids: str | None = None, mounts: str = V2_MOUNT, top: str = TOP) -> Path:
    """With one group and the processes in it, by default only this one."""
    files = {"proc/self/cgroup": f"4:memory:/elsewhere\n0::{group}\n", "proc/self/mountinfo": mounts.format(at="/")}
    return plant(root, files | {f"{top}{group}/cgroup.procs": pids or f"1\n{os.getpid()}\n"})


def test_groups_are_made_in_our_own(tmp_path: Path) -> None:
    assert home_of_groups(machine(tmp_path, "/pod/box")) == tmp_path / TOP / "pod/box"


def test_version_2_may_be_mounted_beside_version_1(tmp_path: Path) -> None:
    beside = V1_MOUNTS + V2_MOUNT.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
    root = machine(tmp_path, "/box", mounts=beside, top=f"{TOP}/unified")
    assert home_of_groups(root) == tmp_path / TOP / "unified/box"


def test_a_tree_that_is_not_the_one_we_are_in_is_left_alone(tmp_path: Path) -> None:
    """As in a container with its own view of groups, into which the host's /sys/fs/cgroup was mounted."""
    root = machine(tmp_path, "", pids="1\n2\n0\n", mounts=V2_MOUNT.replace("{at}", "/../.."))
    plant(root, {"proc/self/cgroup": "0::/\n"})
    assert home_of_groups(root) is None
    assert not enter_group(MARK, 4711, root)
    assert [path.name for path in (root / TOP).iterdir()] == ["cgroup.procs"]


def test_version_1_alone_has_none(tmp_path: Path) -> None:
    assert home_of_groups(machine(tmp_path, "/box", mounts=V1_MOUNTS)) is None


def test_while_a_profiler_has_moved_everybody_aside_they_are_made_where_they_were(tmp_path: Path) -> None:
    root = machine(tmp_path, "/box/plimsoll-12-rest")
    assert home_of_groups(root) == tmp_path / TOP / "box"


def test_a_kernel_before_5_14_that_has_no_cgroup_kill_gets_none(tmp_path: Path) -> None:
    root = machine(tmp_path, "/box")
    assert not enter_group(MARK, 4711, root)
    assert [path.name for path in (root / TOP / "box").iterdir()] == ["cgroup.procs"]


@pytest.fixture
def inhabited(tmp_path: Path) -> Path:
    """Groups of two workers among others, whose names are no better than similar."""
    root = machine(tmp_path, "/box")
    others = ["plimsoll-4711-w", "plimsoll-4711-w12", "plimsoll-4711-wx_1_1", "plimsoll-4711-0", "w4d_1_5"]
    for name in (f"plimsoll-{os.getpid()}-w4d_1_5", f"plimsoll-{os.getpid()}-w4e_1_5", *others):
        (root / TOP / "box" / name).mkdir()
    return root


def test_groups_are_found_by_the_mark_in_their_names(inhabited: Path) -> None:
    assert {group.mark.server for group in worker_groups(lambda mark: True, inhabited)} == {77, 78}
    found = worker_groups(MARK.__eq__, inhabited)
    assert [group.folder.name for group in found] == [f"plimsoll-{os.getpid()}-w4d_1_5"]
    box = inhabited / TOP / "box"
    assert [path.name for path in box.glob(pattern_of(MARK))] == [found[0].folder.name]


@pytest.mark.parametrize("populated", [0, 1])
def test_an_empty_one_that_cannot_be_removed_is_not_waited_for(inhabited: Path, populated: int) -> None:
    (group,) = worker_groups(MARK.__eq__, inhabited)
    plant(group.folder, {"cgroup.events": f"populated {populated}\nfrozen 0\n", "cgroup.procs": ""})
    assert group.end() == (not populated)
    assert group.folder.exists()


def test_empty_ones_whose_front_is_gone_are_swept_with_what_is_in_them(inhabited: Path) -> None:
    box = inhabited / TOP / "box"
    with child("print('ready', flush=True); input()") as gone:
        stale = box / f"plimsoll-{gone.pid}-w4d_1_5"
        (stale / "below").mkdir(parents=True)
        sweep_groups(inhabited)
        assert stale.is_dir(), "its front lives"
    sweep_groups(inhabited)
    assert not stale.exists()
    assert len(worker_groups(lambda mark: True, inhabited)) == 2
