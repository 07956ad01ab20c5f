"""Where limited groups can be made in version 2, who has to move for it, and what is said where they cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from cgroup2_box import box

from plimsoll.host.cgroups.groups import delegate

BURN = "import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: pass\nprint(time.process_time())"
LIMIT = f"""
import os, subprocess, sys
from pathlib import Path
from plimsoll.host.cgroups.groups import LimitsUnavailable, delegate
try:
    with delegate() as delegation, delegation.group(f"plimsoll-{{os.getpid()}}-0") as group:
        group.limit_cpu(0.25)
        group.limit_memory(100_000_000)
        door = os.open(group.doors[0], os.O_WRONLY)
        done = subprocess.run([sys.executable, "-c", {BURN!r}], preexec_fn=lambda: os.write(door, b"0"),
                              capture_output=True, text=True, check=True)
        print("used", done.stdout.strip(), "throttled", group.use().throttled_share, flush=True)
        if "--stay" in sys.argv:
            print(open("/proc/self/cgroup").read().strip(), flush=True)
            input()
except LimitsUnavailable as reason:
    print("no limits:", reason)
"""


def test_the_topmost_group_may_hold_processes_and_children() -> None:
    with delegate() as delegation:
        assert delegation.version == 2


def test_processes_in_the_way_are_moved_aside_and_back() -> None:
    with box("crowded") as crowded:
        neighbour = crowded.start(["-c", "input()"], stdin=subprocess.PIPE)
        profiler = crowded.start(["-c", LIMIT, "--stay"], stdin=subprocess.PIPE)
        assert profiler.stdout is not None
        words = profiler.stdout.readline().split()
        assert float(words[1]) == pytest.approx(0.5, abs=0.15)
        assert float(words[3]) > 0.5
        assert profiler.stdout.readline().strip().endswith(f"/crowded/plimsoll-{profiler.pid}-rest")
        assert crowded.pids() == []
        profiler.communicate("\n", timeout=60)
        assert (crowded.pids(), crowded.children(), crowded.controllers()) == ([neighbour.pid], [], "")
        neighbour.communicate("\n", timeout=60)


def test_who_is_left_in_a_limited_group_is_killed_with_all_that_it_forks() -> None:
    source = """
import os, subprocess, sys
from plimsoll.host.cgroups.groups import delegate
with delegate() as delegation, delegation.group(f"plimsoll-{os.getpid()}-0") as group:
    (group.cpu / "below").mkdir()
    for door in (group.doors[0], group.cpu / "below" / "cgroup.procs"):
        os.system(f"busybox setsid busybox sh -c 'echo 0 > {door}; while :; do busybox true; done' >/dev/null 2>&1 &")
    while not (group.cpu / "below" / "cgroup.procs").read_text(): pass
"""
    with box("left") as left:
        assert left.run("-c", source) == (0, "")
        assert (left.pids(), left.children()) == ([], [])


def test_what_others_have_set_up_is_not_disturbed() -> None:
    """Processes beside children with the CPU controller: the memory controller can only be had by taking that away."""
    with box("partly") as partly:
        (partly.folder / "cgroup.subtree_control").write_text("+cpu")
        said = partly.run("-c", LIMIT)[1]
        assert said == "no limits: controllers cannot be handed to children (Operation not supported)\n"
        assert (partly.children(), partly.controllers()) == ([], "cpu")


def test_a_subtree_delegated_to_a_user_is_enough() -> None:
    with box("delegated") as delegated:
        delegated.delegate_to(1000)
        assert delegated.run("-c", LIMIT, user=1000, group=1000)[1].startswith("used")
        assert (delegated.children(), delegated.controllers()) == ([], "")


def test_somebody_elses_group_is_left_alone() -> None:
    with box("foreign") as foreign:
        assert (
            foreign.run("-c", LIMIT, user=1000, group=1000)[1] == "no limits: the control groups are read-only here\n"
        )
        os.chown(foreign.folder, 1000, 1000)
        said = foreign.run("-c", LIMIT, user=1000, group=1000)[1]
        assert said == "no limits: controllers cannot be handed to children (Permission denied)\n"
        os.chown(foreign.folder / "cgroup.subtree_control", 1000, 1000)
        said = foreign.run("-c", LIMIT, user=1000, group=1000)[1]
        assert said == f"no limits: the processes in {foreign.folder} cannot be moved aside (Permission denied)\n"
        assert (foreign.children(), foreign.controllers()) == ([], "")


def test_a_controller_that_is_not_there_is_named() -> None:
    with box("half", controllers="+cpu") as half:
        assert half.run("-c", LIMIT)[1] == f"no limits: control group {half.folder} has no memory controller\n"


def test_read_only_as_in_a_container() -> None:
    mount = "busybox mount -o remount,ro,bind /sys/fs/cgroup"
    source = "from plimsoll.host.cgroups.groups import delegate\nwith delegate(): pass"
    # A mount of one's own first: what is remounted must not be everybody's.
    script = f"busybox mount --bind /sys/fs/cgroup /sys/fs/cgroup && {mount} && exec {sys.executable} -c '{source}'"
    done = subprocess.run(["busybox", "unshare", "-m", "sh", "-c", script], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].endswith("LimitsUnavailable: the control groups are read-only here")


def test_a_limit_above_that_is_smaller_holds_too() -> None:
    with box("inner") as inner:
        (inner.folder / "cpu.max").write_text("10000 100000")
        used = float(inner.run("-c", LIMIT)[1].split()[1])
        assert used == pytest.approx(0.2, abs=0.1)


def test_after_a_kill_the_next_profiler_tidies_up() -> None:
    with box("killed") as killed:
        shell = killed.start(["-c", "input()"], stdin=subprocess.PIPE)
        profiler = killed.start(["-c", LIMIT, "--stay"], stdin=subprocess.PIPE)
        assert profiler.stdout is not None
        profiler.stdout.readline()
        profiler.send_signal(signal.SIGKILL)
        profiler.communicate(timeout=60)
        rest = killed.folder / f"plimsoll-{profiler.pid}-rest"
        assert killed.children() == [f"plimsoll-{profiler.pid}-0", rest.name]
        assert (rest / "cgroup.procs").read_text().split() == [str(shell.pid)]
        # From the shell that was moved aside, as one would start it again.
        next_one = type(killed)(rest).run("-c", LIMIT)[1]
        assert next_one.startswith("used")
        assert (killed.pids(), killed.children(), killed.controllers()) == ([shell.pid], [], "")
        shell.communicate("\n", timeout=60)


def test_two_profilers_at_once() -> None:
    with box("shared") as shared:
        first = shared.start(["-c", LIMIT, "--stay"], stdin=subprocess.PIPE)
        assert first.stdout is not None
        first.stdout.readline()
        aside = type(shared)(shared.folder / f"plimsoll-{first.pid}-rest")
        assert aside.run("-c", LIMIT)[1].startswith("used")
        assert aside.children() == []
        first.communicate("\n", timeout=60)
        deadline_s = time.monotonic() + 5
        while shared.children() and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert (shared.children(), shared.controllers()) == ([], "")
