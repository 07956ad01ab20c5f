"""Limits and throttling from fixture trees of both cgroup versions, and from the machine that runs the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.host.cgroups.limits import find_cgroup
from plimsoll.host.cpus import describe_host, usable_cores

V1_MOUNTS = """\
30 24 0:26 {at} /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
31 24 0:27 {at} /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
"""
V2_MOUNT = "30 23 0:26 {at} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"


def plant(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_version_2_takes_the_smallest_limit_on_the_way_up(tmp_path: Path) -> None:
    top = "sys/fs/cgroup"
    root = plant(
        tmp_path,
        {
            "proc/self/cgroup": "0::/pod/box\n",
            "proc/self/mountinfo": V2_MOUNT.format(at="/"),
            f"{top}/pod/cpu.max": "150000 100000\n",
            f"{top}/pod/memory.max": "max\n",
            f"{top}/pod/box/cpu.max": "max 100000\n",
            f"{top}/pod/box/memory.max": "536870912\n",
            f"{top}/pod/box/memory.events": "low 0\noom 3\noom_kill 2\noom_group_kill 0\n",
            f"{top}/pod/box/cpu.stat": "usage_usec 2500\nthrottled_usec 40\n",
        },
    )
    cgroup = find_cgroup(root)
    assert (cgroup.cpu_version, cgroup.memory_version) == (2, 2)
    assert cgroup.cpu_limit_cores() == 1.5
    assert cgroup.memory_limit_bytes() == 536870912
    assert cgroup.oom_kills() == 2
    assert cgroup.throttled_s() == pytest.approx(40e-6)


def test_version_1_reads_quota_limit_and_throttling(tmp_path: Path) -> None:
    cpu, memory = "sys/fs/cgroup/cpu,cpuacct/docker/abc", "sys/fs/cgroup/memory/docker/abc"
    root = plant(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/docker/abc\n2:cpu,cpuacct:/docker/abc\n0::/\n",
            "proc/self/mountinfo": V1_MOUNTS.format(at="/"),
            f"{cpu}/cpu.cfs_quota_us": "50000\n",
            f"{cpu}/cpu.cfs_period_us": "100000\n",
            f"{cpu}/cpu.stat": "nr_periods 3\nnr_throttled 1\nthrottled_time 9\n",
            f"{memory}/memory.limit_in_bytes": "2147483648\n",
            f"{memory}/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
        },
    )
    cgroup = find_cgroup(root)
    assert (cgroup.cpu_version, cgroup.memory_version) == (1, 1)
    assert cgroup.cpu_limit_cores() == 0.5
    assert cgroup.memory_limit_bytes() == 2147483648
    assert cgroup.oom_kills() == 1
    assert cgroup.throttled_s() == pytest.approx(9e-9)


def test_version_1_says_no_limit_with_huge_or_negative_numbers(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/\n2:cpu,cpuacct:/\n",
            "proc/self/mountinfo": V1_MOUNTS.format(at="/"),
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    )
    cgroup = find_cgroup(root)
    assert cgroup.cpu_limit_cores() is None
    assert cgroup.memory_limit_bytes() is None


def test_a_container_that_sees_its_own_group_as_the_top(tmp_path: Path) -> None:
    """The path is the host's, the mount begins at the container's group."""
    root = plant(
        tmp_path,
        {
            "proc/self/cgroup": "0::/kubepods/pod1/box\n",
            "proc/self/mountinfo": V2_MOUNT.format(at="/kubepods/pod1/box"),
            "sys/fs/cgroup/cpu.max": "200000 100000\n",
        },
    )
    assert find_cgroup(root).cpu_limit_cores() == 2.0


def test_version_1_controllers_win_over_an_empty_version_2_mount(tmp_path: Path) -> None:
    root = plant(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/\n2:cpu,cpuacct:/\n0::/\n",
            "proc/self/mountinfo": V1_MOUNTS.format(at="/")
            + V2_MOUNT.format(at="/").replace("/sys/fs/cgroup ", "/sys/fs/cgroup/unified "),
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "1024\n",
            "sys/fs/cgroup/unified/cgroup.procs": "",
        },
    )
    cgroup = find_cgroup(root)
    assert (cgroup.cpu_version, cgroup.memory_version) == (1, 1)
    assert cgroup.cpu_limit_cores() == 3.0
    assert cgroup.memory_limit_bytes() == 1024


def test_no_control_group_at_all(tmp_path: Path) -> None:
    cgroup = find_cgroup(tmp_path)
    assert cgroup.cpu_limit_cores() is None
    assert cgroup.memory_limit_bytes() is None
    assert cgroup.throttled_s() is None


@pytest.mark.parametrize(("allowed", "limit", "usable"), [(4, None, 4.0), (4, 1.5, 1.5), (2, 8.0, 2.0)])
def test_usable_cores_are_what_affinity_and_quota_both_allow(allowed: int, limit: float | None, usable: float) -> None:
    assert usable_cores(allowed, limit) == usable


def test_this_machine() -> None:
    host = describe_host()
    assert host.usable_cores > 0
    assert len(host.allowed_cpus) <= host.logical_cpus
    assert host.memory_total_bytes > 1 << 28
