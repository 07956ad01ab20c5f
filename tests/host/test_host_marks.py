"""Marks that children inherit, on real processes."""

from __future__ import annotations

import os
import random
import resource
from pathlib import Path

import psutil
import pytest
from host_children import child, tell

from plimsoll.host import procfs
from plimsoll.host.family.marks import Mark, carries, mark_of, new_server_mark
from plimsoll.host.family.strays import Strays
from support.families import wait_all_ended
from support.living import living

STARTS_A_DAEMON = """
import os, sys
from plimsoll.host.family.marks import Mark, put_on
assert put_on(Mark.of_number({number}))
print("ready", flush=True)
sys.stdin.readline()
ours, theirs = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork(): os._exit(0)
    os.write(theirs, str(os.getpid()).encode())
    os.closerange(0, 256)
    os.execve("/bin/sleep", ["sleep", "300"], {{}})
os.wait()
print(os.read(ours, 16).decode(), flush=True)
sys.stdin.readline()
"""


def test_a_number_says_server_front_and_worker_again() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chosen = random.Random(seed)
    for _ in range(500):
        mark = Mark(chosen.randrange(2**33), chosen.randrange(1, 2**10), chosen.randrange(2**18))
        assert Mark.of_number(mark.number) == mark
        assert 2**61 <= mark.number < 2**62


def test_numbers_begin_again_and_never_become_those_of_the_master_or_of_a_front() -> None:
    for count in (1023, 1024, 2046, 2**18, 10**7):
        mark = Mark.of_number(Mark(7, count, count).number)
        assert mark is not None
        assert mark.front > 0
        assert mark.worker > 0


@pytest.mark.parametrize("limit", [resource.RLIM_INFINITY, 0, 200_000, 2**62, 2**60])
def test_an_ordinary_limit_is_no_mark(limit: int) -> None:
    assert Mark.of_number(limit) is None
    assert mark_of(os.getpid()) is None


def test_a_daemon_without_session_parent_and_environment_is_found_and_ended_and_nobody_else() -> None:
    mark, other = Mark(new_server_mark().server, 1, 5), Mark(new_server_mark().server, 1, 5)
    sources = [STARTS_A_DAEMON.format(number=one.number) for one in (mark, other)]
    with child(sources[0]) as first, child(sources[1]) as second:
        daemon, bystander = (psutil.Process(int(tell(one))) for one in (first, second))
        try:
            assert set(filter(carries(mark.__eq__), procfs.pids())) == {first.pid, daemon.pid}
            assert Strays(carries(mark.__eq__)).end_all(20)
            wait_all_ended([daemon], "the daemon")
            assert first.wait() == -9
            assert living([bystander]) == [bystander]
        finally:
            for process in living([daemon, bystander]):
                process.kill()


def test_where_the_hard_limit_is_lower_a_process_cannot_be_marked() -> None:
    source = """
        import resource
        from plimsoll.host.family.marks import Mark, put_on
        resource.setrlimit(resource.RLIMIT_RTTIME, (1000, 1000))
        assert not put_on(Mark(1))
        assert resource.getrlimit(resource.RLIMIT_RTTIME) == (1000, 1000)
        print("ready", flush=True)
        """
    with child(source) as it:
        assert it.wait(60) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_root_without_capabilities_finds_what_has_become_another_user() -> None:
    """As in a container: prlimit(2) is refused there, /proc/<pid>/limits is not."""
    mark = new_server_mark()
    looking = "from plimsoll.host.family.marks import carries; from plimsoll.host.procfs import pids; "
    looking += f"print(list(filter(carries(lambda mark: mark.server == {mark.server}), pids())))"
    source = f"""
import os, subprocess, sys
from plimsoll.host.family.marks import Mark, put_on
put_on(Mark({mark.server}))
other = subprocess.Popen(["sleep", "300"], user=65534, stdout=subprocess.DEVNULL)
import resource
resource.setrlimit(resource.RLIMIT_RTTIME, (-1, -1))
print("ready", flush=True)
sys.stdin.readline()
bare = ["setpriv", "--bounding-set", "-sys_resource", "--inh-caps", "-sys_resource", sys.executable, "-c", {looking!r}]
found = subprocess.run(bare, capture_output=True, text=True).stdout.strip()
other.kill()
print(found == str([other.pid]), flush=True)
"""
    with child(source) as it:
        assert tell(it) == "True"


def test_multiprocessings_tracker_gets_a_moment_to_remove_what_it_tracks() -> None:
    mark = Mark(new_server_mark().server, 1, 1)
    source = f"""
        import multiprocessing.shared_memory, sys
        from plimsoll.host.family.marks import Mark, put_on
        put_on(Mark.of_number({mark.number}))
        memory = multiprocessing.shared_memory.SharedMemory(create=True, size=1000)
        print("ready", flush=True)
        sys.stdin.readline()
        print(memory.name, flush=True)
        sys.stdin.readline()
        """
    with child(source) as it:
        name = tell(it)
        assert Path("/dev/shm", name).exists()
        assert len(list(filter(carries(mark.__eq__), procfs.pids()))) == 2
        assert Strays(carries(mark.__eq__)).end_all(20)
        assert not Path("/dev/shm", name).exists()
