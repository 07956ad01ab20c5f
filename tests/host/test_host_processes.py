"""Process trees, CPU clocks and memory of real children that use a known amount."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from host_children import child, tell

from plimsoll.host import procfs
from plimsoll.host.cpu_clock import CpuLedger, process_cpu_ns
from plimsoll.host.memory import ProcessMemory, group_memory, peak_rss_bytes, read_memory, reset_peak
from plimsoll.host.processes import Process, ProcessTree
from support.server import wait_for

BURN = """
import sys, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
"""
FAMILY = """
import subprocess, sys
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", flush=True)
sys.stdin.readline()
"""


def test_the_clock_of_a_child_that_burns_300_ms() -> None:
    """And says how many it were: where a machine stands still, the time may count as used by who was running."""
    source = BURN + "print('ready', flush=True); sys.stdin.readline(); begun = time.process_time(); burn(0.3)\n"
    source += "print(time.process_time() - begun, flush=True); sys.stdin.readline()"
    with child(source) as it:
        before_ns = process_cpu_ns(it.pid)
        used_s = float(tell(it))
        after_ns = process_cpu_ns(it.pid)
        assert before_ns is not None
        assert after_ns is not None
        assert 0.3 <= used_s <= (after_ns - before_ns) / 1e9 < used_s + 0.05


def test_an_orphan_that_the_root_adopts_and_waits_for_is_counted_once() -> None:
    source = (
        BURN
        + """
import os, resource
from plimsoll.host.parent import adopt_orphans
adopt_orphans()
ours, theirs = os.pipe()
others, last = os.pipe()
print("ready", flush=True)
sys.stdin.readline()
if os.fork() == 0:
    if os.fork():
        os.read(ours, 1)  # until it was seen as the parent
        os._exit(0)
    burn(0.3)
    open("/proc/self/comm", "w").write("burnt")
    os.read(others, 1)
    os._exit(0)
print(1, flush=True)
sys.stdin.readline()
os.write(theirs, b"x")
os.wait()
print(2, flush=True)
sys.stdin.readline()
os.write(last, b"x")
os.wait()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, flush=True)
sys.stdin.readline()
"""
    )
    with child(source) as it:
        tree, ledger = ProcessTree(it.pid), CpuLedger[str]()

        def cpu_ns() -> int:
            return ledger.read((process, "all") for process in tree.members())["all"]

        before_ns = cpu_ns()
        tell(it)
        wait_for(lambda: "burnt" in [_name(one) for one in tree.members()], "a grandchild that has burnt its time")
        cpu_ns()
        tell(it)
        cpu_ns()  # now it is an orphan
        used_s = float(tell(it))
        assert used_s >= 0.3
        assert (cpu_ns() - before_ns) / 1e9 == pytest.approx(used_s, abs=0.1)


def test_what_ended_children_used_is_not_lost() -> None:
    """A child of the child burns and ends between two readings: nobody ever sees it."""
    source = (
        BURN
        + """
import resource, subprocess
print("ready", flush=True)
sys.stdin.readline()
burner = [sys.executable, "-c", "import time\\nend = time.process_time() + 0.3\\nwhile time.process_time() < end: pass"]
subprocess.run(burner, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, flush=True)
sys.stdin.readline()
"""
    )
    with child(source) as it:
        tree, ledger = ProcessTree(it.pid), CpuLedger[str]()
        before_ns = ledger.read((process, "all") for process in tree.members())["all"]
        used_s = float(tell(it))
        after_ns = ledger.read((process, "all") for process in tree.members())["all"]
        assert used_s >= 0.3
        # Two ticks of 10 ms less, or more by what the child itself needs to start another.
        assert -0.03 < (after_ns - before_ns) / 1e9 - used_s < 0.15


def test_a_seen_child_that_ends_is_counted_once() -> None:
    source = """
import subprocess, sys, time
burner = "import sys, time\\nend = time.process_time() + 0.2\\n"
burner += "while time.process_time() < end: pass\\nsys.stdin.readline()"
helper = subprocess.Popen([sys.executable, "-c", burner], stdin=subprocess.PIPE)
time.sleep(0.1)
while open(f"/proc/{helper.pid}/stat").read().split()[2] != "S": time.sleep(0.01)
print("ready", flush=True)
sys.stdin.readline()
helper.communicate(b"x\\n")
print(1, flush=True)
sys.stdin.readline()
"""
    with child(source) as it:
        tree, ledger = ProcessTree(it.pid), CpuLedger[int]()
        first = ledger.read((process, process.pid) for process in tree.members())
        assert len(first) == 2
        tell(it)
        second = ledger.read((process, process.pid) for process in tree.members())
        assert len(tree.members()) == 1
        assert set(second) == set(first)
        assert 0 <= sum(second.values()) - sum(first.values()) < 200_000_000, "less than what it had burnt"


_THREE_GENERATIONS = (
    BURN
    + """
import os
from plimsoll.host.parent import adopt_orphans
adopt_orphans()
def wait_for_byte(): os.read(ours, 1)
ours, theirs = os.pipe()
ended, other_ended = os.pipe()
parent = os.fork()
if parent == 0:
    burn(0.2)
    child = os.fork()
    if child == 0:
        burn(0.3)
        open("/proc/self/comm", "w").write("burnt")
        wait_for_byte()
        os._exit(0)
    open("/proc/self/comm", "w").write("burnt")
    if sys.argv[1] == "child first":
        os.waitpid(child, 0)
    else:
        wait_for_byte()
    os._exit(0)
print("ready", flush=True)
sys.stdin.readline()
os.write(theirs, b"x" if sys.argv[1] == "child first" else b"xx")
os.waitpid(parent, 0)
if sys.argv[1] != "child first":
    os.wait()
print(1, flush=True)
sys.stdin.readline()
"""
)


@pytest.mark.parametrize("order", ["child first", "parent first"])
def test_what_a_child_used_that_ends_with_its_parent_is_counted_once(order: str) -> None:
    """Nobody looks between the two ends: what went from the child to the parent is seen only in the grandparent."""
    with child(_THREE_GENERATIONS, order) as it:
        tree, ledger = ProcessTree(it.pid), CpuLedger[int]()
        wait_for(lambda: [_name(one) for one in tree.members()].count("burnt") == 2, "two that have burnt their time")
        before = ledger.read((process, process.pid) for process in tree.members())
        burnt_ns = list(before.values())[1:]
        assert [ns >= least_ns for ns, least_ns in zip(burnt_ns, (200_000_000, 300_000_000), strict=True)] == [True] * 2
        tell(it)
        assert len(tree.members()) == 1
        after = ledger.read((process, process.pid) for process in tree.members())
        assert 0 <= sum(after.values()) - sum(before.values()) < 200_000_000, "less than what either had burnt"


def test_totals_do_not_go_down_while_a_child_has_ended_and_nobody_has_waited_for_it() -> None:
    """What it used is not in its parent's figures yet, and must not be taken for what nobody saw in them."""
    source = (
        BURN
        + """
import os
def ended(seconds, end_at_once):
    pid = os.fork()
    if pid == 0:
        burn(seconds)
        if not end_at_once:
            open("/proc/self/comm", "w").write("burnt")
            os.read(ours, 1)
        os._exit(0)
    return pid
ours, theirs = os.pipe()
os.waitpid(ended(0.2, True), 0)  # nobody sees this one
seen = ended(0.3, False)
print("ready", flush=True)
sys.stdin.readline()
os.write(theirs, b"x")
os.waitid(os.P_PID, seen, os.WEXITED | os.WNOWAIT)
print(1, flush=True)
sys.stdin.readline()
os.waitpid(seen, 0)
print(2, flush=True)
sys.stdin.readline()
"""
    )
    with child(source) as it:
        tree, ledger = ProcessTree(it.pid), CpuLedger[str]()

        def cpu_ns() -> int:
            return ledger.read((process, "all") for process in tree.members())["all"]

        wait_for(lambda: "burnt" in [_name(one) for one in tree.members()], "a child that has burnt its time")
        totals = [cpu_ns()]
        for _ in range(2):
            tell(it)
            totals.append(cpu_ns())
        assert totals[0] / 1e9 > 0.48
        assert totals == sorted(totals)
        assert totals[-1] - totals[0] < 200_000_000, "less than what either had burnt"


def _name(process: Process) -> str:
    return (procfs.read_text(f"/proc/{process.pid}/comm") or "").strip()


def test_memory_of_a_child_that_holds_200_mb() -> None:
    source = """
import sys
print("ready", flush=True)
sys.stdin.readline()
held = bytearray(b"x") * 200_000_000
print(1, flush=True)
sys.stdin.readline()
"""
    with child(source) as it:
        before = read_memory(it.pid)
        tell(it)
        after = read_memory(it.pid)
        assert before is not None
        assert after is not None
        for name in ("rss_bytes", "pss_bytes", "private_bytes"):
            # Its share of the libraries, some 10 MB, depends on how many others have them too.
            assert getattr(after, name) - getattr(before, name) == pytest.approx(200e6, rel=0.03), name


def test_a_short_spike_is_seen_after_the_fact_and_the_mark_can_be_reset() -> None:
    source = """
import sys
print("ready", flush=True)
while sys.stdin.readline():
    spike = bytearray(b"x") * 100_000_000
    del spike
    print(1, flush=True)
"""
    with child(source) as it:
        reason = reset_peak(it.pid)
        if reason is not None:
            pytest.skip(reason)
        before_bytes = peak_rss_bytes(it.pid)
        tell(it)
        assert peak_rss_bytes(it.pid) - before_bytes == pytest.approx(100e6, rel=0.02)
        assert reset_peak(it.pid) is None
        assert peak_rss_bytes(it.pid) - before_bytes < 10e6


def test_the_tree_holds_grandchildren_and_keeps_the_orphaned() -> None:
    with child(FAMILY) as it:
        tree = ProcessTree(it.pid)
        parent, grandchild = tree.members()
        assert parent.pid == it.pid
        it.kill()
        it.wait()
        assert [process.pid for process in tree.members()] == [grandchild.pid]
        tree.end(grace_s=0.2, reap=it.poll)
        assert not grandchild.alive()


def test_ending_a_tree_that_ignores_sigterm() -> None:
    source = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FAMILY
    with child(source) as it:
        tree = ProcessTree(it.pid)
        members = tree.members()
        begun_s = time.monotonic()
        tree.end(grace_s=0.3, reap=it.poll)
        assert time.monotonic() - begun_s < 20.0, "nobody waited for the 60 s that the grandchild sleeps"
        assert not any(process.alive() for process in members)
        assert it.returncode == -signal.SIGKILL


def test_a_reused_pid_is_not_signalled() -> None:
    with child("import sys\nprint('ready', flush=True)\nsys.stdin.readline()") as it:
        (process,) = ProcessTree(it.pid).members()
        Process(process.pid, process.started_ticks + 1, process.parent_pid, ()).send(signal.SIGKILL)
        time.sleep(0.1)
        assert it.poll() is None


def test_a_process_that_is_gone_is_nothing() -> None:
    with child("print('ready', flush=True)") as it:
        it.wait()
    assert process_cpu_ns(it.pid) is None
    assert procfs.read_stat(it.pid) is None
    assert read_memory(it.pid) is None
    assert reset_peak(it.pid) is None
    assert procfs.children_of(it.pid) == []
    assert ProcessTree(it.pid).members() == []


def test_children_are_found_without_the_kernels_list_too() -> None:
    with child("import sys\nprint('ready', flush=True)\nsys.stdin.readline()") as it:
        assert it.pid in procfs._children_by_scan(os.getpid())
        assert it.pid in procfs.children_of(os.getpid())


def test_shared_files_count_once_in_a_group() -> None:
    """Two processes that hold 40 each and map the same file; one of them peaked 50 higher."""
    one = ProcessMemory(100, 70, 40, 0, 150, 0, 1, {"lib": 60})
    two = ProcessMemory(100, 70, 40, 5, 100, 0, 1, {"lib": 55, "other": 5})
    group = group_memory([one, two])
    assert (group.held_bytes, group.private_bytes, group.shmem_bytes) == (40 + 40 + 5 + 60 + 5, 80, 5)
    assert group.peak_bytes == group.held_bytes + 50 + 2
    assert group.peak_bytes <= group.high_water_sum_bytes


def test_a_file_that_others_map_too_counts_in_full(tmp_path: Path) -> None:
    """PSS halves it as soon as somebody else looks at it; the group needs all of it all the same."""
    (tmp_path / "weights").write_bytes(b"w" * 50_000_000)
    source = f"""
import mmap, sys
with open({str(tmp_path / "weights")!r}, "rb") as file:
    weights = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    sum(weights[::4096])
print("ready", flush=True)
sys.stdin.readline()
"""
    with child(source) as alone:
        before = read_memory(alone.pid)
        with child(source):
            after = read_memory(alone.pid)
        assert before is not None
        assert after is not None
        assert before.pss_bytes - after.pss_bytes > 20e6
        assert group_memory([after]).held_bytes == pytest.approx(group_memory([before]).held_bytes, rel=0.01)
        assert max(after.files.values()) == pytest.approx(50e6, rel=0.01)


def test_a_reset_that_is_not_permitted_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert reset_peak(1) == "the kernel does not let the high-water mark of a process be reset (Permission denied)"
