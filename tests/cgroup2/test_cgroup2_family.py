"""Workers in control groups of their own: what they start ends with them, and nothing else is different."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from cgroup2_box import Box, box
from test_cgroup2_delegation import LIMIT

from plimsoll.host.family.guardian import NAME as GUARDIAN
from support.server import Server, wait_for

# Neither marks nor parents nor sessions lead to the processes of this script.
SCRIPT = """
import os, resource, time

def init(): resource.setrlimit(resource.RLIMIT_RTTIME, (-1, -1))

def bomb():
    if os.fork(): return
    os.setsid()
    os.closerange(0, 256)
    while True:
        try: os.fork()
        except OSError: time.sleep(0.2)

def daemon():
    if os.fork(): return
    os.setsid()
    if os.fork(): os._exit(0)
    os.closerange(0, 256)
    os.execve("/bin/busybox", ["busybox", "sleep", "1000"], {})

def limits():
    from plimsoll.host.cgroups.limits import find_cgroup
    own = find_cgroup()
    return [own.memory_limit_bytes(), own.cpu_limit_cores()]

def run(data):
    return [os.getpid(), globals()[data.strip()]()]
"""
MOST_PROCESSES = 100
BECOME = "import os, sys; os.setgroups([]); os.setgid(1000); os.setuid(1000); os.execv(sys.argv[1], sys.argv[1:])"
AS_SOMEBODY = f'set -- {sys.executable} -c "{BECOME}" "$@";'


@contextmanager
def served(place: Box, before: str = "") -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        shutil.chown(folder, 1000, 1000)
        script = Path(folder, "score.py")
        script.write_text(SCRIPT)
        with Server(script, before=f"echo $$ > {place.folder}/cgroup.procs; {before}") as server:
            yield server


def pids_of(place: Box) -> list[int]:
    """In the group and in all below it."""
    return [int(pid) for procs in place.folder.rglob("cgroup.procs") for pid in procs.read_text().split()]


def wait_for_nobody(place: Box) -> None:
    wait_for(lambda: (pids_of(place), place.children()) == ([], []), "the end of everybody and every group")


def group_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::")


def _kill_worker(server: Server) -> None:
    server.workers()[0].kill()


def _kill_master(server: Server) -> None:
    server.process.kill()
    server.process.wait()


def _stop(server: Server) -> None:
    server.signal(signal.SIGTERM)
    server.wait_exit()


@pytest.mark.parametrize("end", [_kill_worker, _kill_master, _stop])
def test_a_fork_bomb_that_has_taken_its_mark_off_ends(end: Callable[[Server], None]) -> None:
    with box("bombed", "+cpu +memory +pids") as place:
        (place.folder / "pids.max").write_text(str(MOST_PROCESSES))
        with served(place) as server:
            before = len(pids_of(place))
            server.post("/score", b"bomb")
            wait_for(lambda: len(pids_of(place)) > 0.8 * MOST_PROCESSES, "a bomb that has gone off")
            end(server)
            if end is _kill_worker:
                wait_for(lambda: len(pids_of(place)) <= before, "the end of the bomb")
                server.wait_ready()
                assert len(place.children()) == 1
            else:
                wait_for_nobody(place)


def test_the_limits_of_a_delegated_group_hold_and_are_seen_one_level_deeper() -> None:
    with box("delegated") as place:
        place.delegate_to(1000)
        (place.folder / "memory.max").write_text(str(700 * 2**20))
        (place.folder / "cpu.max").write_text("80000 100000")
        with served(place, AS_SOMEBODY) as server:
            worker, limits = server.post("/score", b"limits").json()
            assert limits == [700 * 2**20, 0.8]
            assert "0.80 usable cores" in server.log()
            assert group_of(worker).startswith(f"/above-delegated/delegated/plimsoll-{server.front().pid}-w")
            assert place.controllers() == ""
            server.post("/score", b"daemon")
            count = len(pids_of(place))
            os.kill(worker, signal.SIGKILL)
            wait_for(lambda: len(pids_of(place)) < count, "the end of worker and daemon")
            server.wait_ready()
            server.post("/score", b"daemon")
            _kill_master(server)
            wait_for_nobody(place)


def _is_not_theirs(place: Box) -> None:
    """As in a session of a login: everything belongs to root."""


def _cannot_be_joined(place: Box) -> None:
    os.chown(place.folder, 1000, 1000)


def _may_have_no_more_groups(place: Box) -> None:
    place.delegate_to(1000)
    (place.folder / "cgroup.max.descendants").write_text("0")


def _is_threaded(place: Box) -> None:
    """A group that holds processes beside children with a CPU controller: these must be threaded ones."""
    place.delegate_to(1000)
    (place.folder / "cgroup.subtree_control").write_text("+cpu")


@pytest.mark.parametrize("hinder", [_is_not_theirs, _cannot_be_joined, _may_have_no_more_groups, _is_threaded])
def test_where_no_group_can_be_made_it_serves_without(hinder: Callable[[Box], None]) -> None:
    with box("hindered") as place:
        hinder(place)
        with served(place, AS_SOMEBODY) as server:
            worker, _ = server.post("/score", b"limits").json()
            assert group_of(worker) == "/above-hindered/hindered"
            assert place.children() == []
            _stop(server)
            assert server.process.returncode == 0


def test_a_profiler_beside_it_moves_everybody_aside_and_back() -> None:
    with box("both") as place, served(place) as server:
        first, _ = server.post("/score", b"daemon").json()
        profiler = place.start(["-c", LIMIT, "--stay"], stdin=subprocess.PIPE)
        assert profiler.stdout is not None
        assert profiler.stdout.readline().startswith("used")
        assert group_of(server.front().pid).endswith("-rest")
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: server.metric("plimsoll_worker_restarts_total") == 1, "a new worker")
        server.wait_ready()
        second, _ = server.post("/score", b"daemon").json()
        profiler.communicate("\n", timeout=60)
        assert place.controllers() == ""
        assert place.children() == [Path(group_of(second)).name]
        _kill_master(server)
        wait_for_nobody(place)


def test_empty_groups_that_nobody_could_remove_are_removed_by_the_next_server() -> None:
    with box("swept") as place:
        with served(place) as server:
            master = psutil.Process(server.process.pid)
            guardian = next(child for child in master.children() if child.name() == GUARDIAN)
            for process in (master, guardian):
                process.suspend()
            for process in (guardian, master):
                process.kill()
            server.process.wait()
            wait_for(lambda: pids_of(place) == [], "the end of front and worker")
            time.sleep(0.5)
            left = place.children()
            assert len(left) == 1
        with served(place):
            assert not set(left) & set(place.children())
