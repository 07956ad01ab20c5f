"""Control groups of our own: the files written for both versions, and real limits where this machine lets us."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from host_children import child

from plimsoll.host.cgroups import unified
from plimsoll.host.cgroups.groups import Delegation, GroupUse, LimitsUnavailable, delegate
from support.spinning import delegation

V1_MOUNTS = """\
30 24 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
31 24 0:27 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct
32 24 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
"""
V2_MOUNT = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with files in it, as a fixture's groups are, can never be removed."""
    monkeypatch.setattr(unified, "_REMOVE_PAUSE_S", 0.001)


def plant(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def version_1(root: Path) -> Path:
    files = {"proc/self/cgroup": "4:memory:/box\n2:cpuacct:/box\n1:cpu:/box\n", "proc/self/mountinfo": V1_MOUNTS}
    folders = (f"sys/fs/cgroup/{name}/box/cgroup.procs" for name in ("cpu", "cpuacct", "memory"))
    return plant(root, files | dict.fromkeys(folders, ""))


def version_2(root: Path, *, control: str = "", controllers: str = "cpu io memory") -> Path:
    top = "sys/fs/cgroup/box"
    files = {"proc/self/cgroup": "0::/box\n", "proc/self/mountinfo": V2_MOUNT, f"{top}/cgroup.procs": "12\n34\n"}
    return plant(root, files | {f"{top}/cgroup.controllers": controllers, f"{top}/cgroup.subtree_control": control})


def test_version_1_writes_into_each_controllers_tree(tmp_path: Path) -> None:
    with delegate(version_1(tmp_path)) as delegation, delegation.group("trial") as group:
        group.limit_cpu(1.25)
        group.limit_memory(300_000_000)
        top = tmp_path / "sys/fs/cgroup"
        assert (top / "cpu/box/trial/cpu.cfs_quota_us").read_text() == "125000"
        assert (top / "cpu/box/trial/cpu.cfs_period_us").read_text() == "100000"
        assert (top / "memory/box/trial/memory.limit_in_bytes").read_text() == "300000000"
        assert (top / "memory/box/trial/memory.memsw.limit_in_bytes").read_text() == "300000000"
        assert group.doors == [top / name / "box/trial/cgroup.procs" for name in ("cpu", "memory", "cpuacct")]
        plant(
            top,
            {
                "cpu/box/trial/cpu.stat": "nr_periods 40\nnr_throttled 10\nthrottled_time 1500000000\n",
                "memory/box/trial/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
                "memory/box/trial/memory.max_usage_in_bytes": "299999232\n",
            },
        )
        assert group.use() == GroupUse(2, 299999232, 40, 10, 1.5)
        assert group.use().throttled_share == 0.25


def test_version_2_hands_the_controllers_to_children(tmp_path: Path) -> None:
    with delegate(version_2(tmp_path)) as delegation, delegation.group("trial") as group:
        top = tmp_path / "sys/fs/cgroup/box"
        assert (top / "cgroup.subtree_control").read_text() == "+cpu +memory"
        group.limit_cpu(0.5)
        group.limit_memory(1 << 30)
        assert (top / "trial/cpu.max").read_text() == "50000 100000"
        assert (top / "trial/memory.max").read_text() == str(1 << 30)
        assert (top / "trial/memory.swap.max").read_text() == "0"
        assert group.doors == [top / "trial/cgroup.procs"]
        plant(
            top / "trial",
            {
                "cpu.stat": "usage_usec 9\nnr_periods 8\nnr_throttled 2\nthrottled_usec 250000\n",
                "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n",
                "memory.peak": "1073741824\n",
            },
        )
        use = group.use()
        assert use == GroupUse(1, 1 << 30, 8, 2, 0.25)
        assert use.since(GroupUse(1, 5, 3, 1, 0.05)) == GroupUse(0, 1 << 30, 5, 1, pytest.approx(0.2))


def test_version_2_that_already_has_them_is_left_alone(tmp_path: Path) -> None:
    with delegate(version_2(tmp_path, control="cpu memory pids")):
        pass
    assert (tmp_path / "sys/fs/cgroup/box/cgroup.subtree_control").read_text() == "cpu memory pids"


def test_version_2_with_processes_in_the_way_moves_them_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses controllers for the children of a group that holds processes."""
    root = version_2(tmp_path)
    top = root / "sys/fs/cgroup/box"
    write = Path.write_text

    def kernel(path: Path, text: str, *arguments: object, **more: object) -> int:
        if path == top / "cgroup.subtree_control" and text.startswith("+") and (top / "cgroup.procs").read_text():
            raise OSError(16, "Device or resource busy")
        if path.name != "cgroup.procs":
            return write(path, text)
        for group in top.rglob("cgroup.procs"):
            write(group, "".join(f"{pid}\n" for pid in group.read_text().split() if pid != text))
        return write(path, (path.read_text() if path.exists() else "") + f"{text}\n")

    monkeypatch.setattr(Path, "write_text", kernel)
    with delegate(root):
        assert (top / f"plimsoll-{os.getpid()}-rest/cgroup.procs").read_text() == "12\n34\n"
        assert (top / "cgroup.procs").read_text() == ""
    assert (top / "cgroup.procs").read_text() == "12\n34\n"
    assert (top / "cgroup.subtree_control").read_text() == "-cpu -memory"


@pytest.mark.parametrize(("code", "words"), [(1, "cannot be moved aside"), (16, "always processes in")])
def test_version_2_with_processes_that_cannot_be_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    root = version_2(tmp_path)
    write = Path.write_text

    def kernel(path: Path, text: str, *arguments: object, **more: object) -> int:
        if path.name == "cgroup.subtree_control" and text.startswith("+"):
            raise OSError(16, "Device or resource busy")
        if path.name == "cgroup.procs" and code == 1:
            raise OSError(1, "Operation not permitted")
        return write(path, text)

    monkeypatch.setattr(Path, "write_text", kernel)
    with pytest.raises(LimitsUnavailable, match=words), delegate(root):
        pass


def test_groups_of_profilers_that_are_gone_are_removed(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    root = version_1(tmp_path)
    top = tmp_path / "sys/fs/cgroup/memory/box"
    others = {f"plimsoll-{os.getppid()}-0", "plimsoll-test-7", "somebody"}
    for name in (f"plimsoll-{gone.pid}-0", *others):
        (top / name).mkdir()
    with delegate(root):
        assert {folder.name for folder in top.iterdir() if folder.is_dir()} - {f"plimsoll-{os.getpid()}-try"} == others


@pytest.mark.parametrize(("controllers", "words"), [("io pids", "no cpu and memory"), ("cpu", "no memory")])
def test_version_2_without_the_controllers(tmp_path: Path, controllers: str, words: str) -> None:
    with pytest.raises(LimitsUnavailable, match=words), delegate(version_2(tmp_path, controllers=controllers)):
        pass


def test_no_control_groups_or_read_only_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitsUnavailable, match="no control group"), delegate(tmp_path):
        pass
    root = version_1(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(LimitsUnavailable, match="read-only"), delegate(root):
        pass


@pytest.fixture
def real() -> Iterator[Delegation]:
    """The groups of this machine, if it lets us."""
    with delegation() as groups:
        yield groups


def run_in(doors: list[Path], source: str) -> subprocess.CompletedProcess[str]:
    def join() -> None:
        for door in doors:
            with open(door, "w") as file:
                file.write("0")

    return subprocess.run([sys.executable, "-c", source], preexec_fn=join, capture_output=True, text=True, timeout=60)


def test_a_quota_holds(real: Delegation) -> None:
    source = "import time\nbegun, used = time.monotonic(), time.process_time()\n"
    source += "while time.monotonic() < begun + 1.5: pass\nprint(time.process_time() - used, time.monotonic() - begun)"
    with real.group(f"plimsoll-test-{os.getpid()}") as group:
        group.limit_cpu(0.3)
        used_s, elapsed_s = map(float, run_in(group.doors, source).stdout.split())
        # On a busy machine it gets less and is stopped less often, but never more: a period's share at either end.
        assert used_s < 0.3 * elapsed_s + 0.1
        assert group.use().throttled_periods > 0


def test_a_memory_limit_kills_and_is_counted(real: Delegation) -> None:
    with real.group(f"plimsoll-test-{os.getpid()}") as group:
        group.limit_memory(60_000_000)
        assert run_in(group.doors, "b = bytearray(b'x') * 10_000_000").returncode == 0
        assert run_in(group.doors, "b = bytearray(b'x') * 120_000_000").returncode == -9
        use = group.use()
        assert use.oom_kills == 1
        assert use.memory_peak_bytes == pytest.approx(60e6, rel=0.05)


STAY = """
import os
from plimsoll.host.cgroups.groups import delegate
with delegate() as delegation, delegation.group(f"plimsoll-{os.getpid()}-0") as group:
    print("ready", flush=True)
    input()
"""


def test_what_a_killed_profiler_leaves_is_removed_by_the_next(real: Delegation) -> None:
    with child(STAY) as profiler:
        left = [folder / f"plimsoll-{profiler.pid}-0" for folder in {real.cpu, real.memory, *real.others}]
        with delegate():
            assert all(folder.is_dir() for folder in left), "its owner lives"
    assert all(folder.is_dir() for folder in left)
    with delegate():
        assert not any(folder.exists() for folder in left)
