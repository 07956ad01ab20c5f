"""What a script starts ends with its worker and with the server, whatever it has left: session, parent, environment."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from plimsoll.host.family.guardian import NAME as GUARDIAN
from support import worker_groups
from support.families import wait_all_ended
from support.fixtures import Serve, WriteScript
from support.kin import KINDS, SCRIPT, unmarked
from support.living import living
from support.server import Server, wait_for

Kin = dict[str, psutil.Process]


@pytest.fixture
def kept() -> Iterator[list[psutil.Process]]:
    """Whatever a test has started is ended with it, exactly that."""
    processes: list[psutil.Process] = []
    yield processes
    for process in living(processes):
        process.kill()


@pytest.fixture
def groupless(serve: Serve) -> Iterator[Serve]:
    """Starts a server whose workers can have no groups."""
    with worker_groups.without() as before:
        yield lambda source, *flags: serve(source, *flags, before=before)


@pytest.fixture(params=["by mark", "by group"])
def known(request: pytest.FixtureRequest, serve: Serve, groupless: Serve) -> Serve:
    """Starts a server that has this way alone to know whose a process is."""
    if request.param == "by mark":
        return groupless
    if worker_groups.place() is None:
        pytest.skip("no control groups of version 2 can be made here: see tests/cgroup2")
    return lambda source, *flags: serve(unmarked(source), *flags)


def started(
    server: Server, kept: list[psutil.Process], *kinds: str, order: str = "start"
) -> tuple[psutil.Process, Kin]:
    """The worker that ran the call, and what it has started."""
    reply = server.post("/score", json.dumps([order, *kinds]).encode())
    assert reply.status == 200, server.log()
    kin = {kind: psutil.Process(pid) for kind, pid in reply.json()["kin"].items()}
    kept += kin.values()
    assert len(living(kin.values())) == len(kinds)
    return psutil.Process(reply.json()["worker"]), kin


def guardian_of(server: Server) -> psutil.Process:
    children = psutil.Process(server.process.pid).children()
    return next(child for child in children if child.name() == GUARDIAN)


WORKER_ENDS: dict[str, Callable[[Server, psutil.Process], object]] = {
    "kill -9": lambda server, worker: worker.kill(),
    "SIGTERM": lambda server, worker: worker.terminate(),
    "exit": lambda server, worker: server.post("/score", b'["exit"]'),
    "crash": lambda server, worker: server.post("/score", b'["segfault"]'),
    "scoring timeout": lambda server, worker: server.post("/score", b'["hang"]'),
    "SIGHUP": lambda server, worker: server.signal(signal.SIGHUP),
    "kill -9 while it is stopped": lambda server, worker: (worker.suspend(), worker.kill()),
}


@pytest.mark.parametrize("end", WORKER_ENDS)
def test_what_a_worker_has_started_ends_with_it(known: Serve, kept: list[psutil.Process], end: str) -> None:
    server = known(SCRIPT, "--scoring-timeout-ms", "5000", "--grace-seconds", "1")
    worker, kin = started(server, kept, *KINDS)
    WORKER_ENDS[end](server, worker)
    wait_all_ended([worker, *kin.values()], "the worker and all it has started")
    server.wait_ready()
    _, fresh = started(server, kept, "child", "daemon")
    time.sleep(1.5)  # longer than anything goes on ending what the first has left
    assert len(living(fresh.values())) == 2


def test_recycling_ends_what_the_old_worker_has_started(known: Serve, kept: list[psutil.Process]) -> None:
    server = known(SCRIPT, "--max-requests", "3", "--grace-seconds", "1")
    worker, kin = started(server, kept, "daemon", "executor")
    for _ in range(2):
        started(server, kept)
    wait_all_ended([worker, *kin.values()], "the worn worker and all it has started")


def test_a_worker_whose_children_keep_its_interpreter_from_ending_is_not_waited_for(
    serve: Serve, kept: list[psutil.Process]
) -> None:
    source = """
        import multiprocessing, os, time
        def init():
            global child
            child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(300,))
            child.start()  # no daemon: the interpreter waits for it at its end
        def run(data): return [os.getpid(), child.pid]
        """
    server = serve(source, "--grace-seconds", "1")
    pair = [psutil.Process(pid) for pid in server.post("/score", b"").json()]
    kept += pair
    server.signal(signal.SIGHUP)
    wait_all_ended(pair, "the replaced worker and its child")


def test_the_families_of_other_workers_are_left_alone(known: Serve, kept: list[psutil.Process]) -> None:
    server = known(SCRIPT, "--workers", "2")
    with ThreadPoolExecutor(2) as clients:  # at the same time, and so in different workers
        both = list(clients.map(lambda _: started(server, kept, "child", "daemon", order="start slowly"), range(2)))
    families = {worker.pid: list(kin.values()) for worker, kin in both}
    first, second = families
    psutil.Process(first).kill()
    wait_all_ended(families[first], "the family of the killed worker")
    time.sleep(1.5)
    assert len(living(families[second])) == len(families[second])


def _kill_front(server: Server) -> None:
    server.front().kill()


def _kill_master(server: Server) -> None:
    server.process.kill()
    server.process.wait()


def _stop(number: signal.Signals) -> Callable[[Server], None]:
    def stop(server: Server) -> None:
        server.signal(number)
        server.wait_exit()

    return stop


def _kill_master_of_stopped(server: Server) -> None:
    for process in [server.front(), *server.workers()]:
        process.suspend()
    _kill_master(server)


def _is_guardian(process: psutil.Process) -> bool:
    try:
        return process.name() == GUARDIAN
    except psutil.NoSuchProcess:
        return False


def _kill_master_after_its_guardian(server: Server) -> None:
    first = guardian_of(server)
    first.kill()
    wait_for(lambda: [one for one in server.tree() if _is_guardian(one) and one != first], "a new guardian")
    _kill_master(server)


SERVER_ENDS: dict[str, Callable[[Server], None]] = {
    "SIGTERM": _stop(signal.SIGTERM),
    "SIGINT": _stop(signal.SIGINT),
    "SIGQUIT": _stop(signal.SIGQUIT),
    "kill -9 of the front": _kill_front,
    "kill -9 of the master": _kill_master,
    "kill -9 of the master, all others stopped": _kill_master_of_stopped,
    "kill -9 of the guardian, then of the master": _kill_master_after_its_guardian,
}


def is_other_than_guardian(process: psutil.Process) -> bool:
    """False too for one that has ended since it was listed, as the first process of a daemon does."""
    try:
        return process.name() != GUARDIAN
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("end", SERVER_ENDS)
def test_what_workers_have_started_ends_with_the_server(known: Serve, kept: list[psutil.Process], end: str) -> None:
    server = known(SCRIPT, "--workers", "2", "--grace-seconds", "2")
    kin = [*started(server, kept, *KINDS)[1].values(), *started(server, kept, *KINDS)[1].values()]
    tree = [process for process in server.tree() if is_other_than_guardian(process)]
    guardian, front = guardian_of(server), server.front()
    SERVER_ENDS[end](server)
    if "SIG" in end:  # the program has ended: nothing is left now, not soon
        assert living([*kin, *tree, guardian]) == []
        assert worker_groups.of_front(front.pid) == []
    wait_all_ended([*kin, *tree], "all that the server has started")
    wait_for(lambda: worker_groups.of_front(front.pid) == [], "the end of their groups")
    if "front" in end:
        server.wait_ready()
        assert living([guardian]) == [guardian]
        _, fresh = started(server, kept, "child", "daemon")
        time.sleep(1.5)  # longer than the master goes on ending what the first front has left
        assert len(living(fresh.values())) == 2
    else:
        wait_all_ended([guardian], "the guardian")


def test_what_has_no_mark_and_no_group_ends_with_the_server(groupless: Serve, kept: list[psutil.Process]) -> None:
    server = groupless(unmarked(SCRIPT))
    worker, kin = started(server, kept, "session")
    child = kin["session"]
    worker.kill()
    wait_for(lambda: server.metric("plimsoll_worker_restarts_total") == 1, "a new worker")
    time.sleep(0.5)
    assert living([child]) == [child]
    assert child.ppid() == server.front().pid  # nobody's, but inside
    _stop(signal.SIGTERM)(server)
    assert living([child]) == []


def test_shared_memory_of_a_killed_worker_is_removed(serve: Serve) -> None:
    source = """
        import multiprocessing.shared_memory, time
        def init(): pass
        def run(data):
            memory = multiprocessing.shared_memory.SharedMemory(create=True, size=1000)
            open("name", "w").write(memory.name)
            time.sleep(300)
        """
    server = serve(source, "--scoring-timeout-ms", "4000", "--grace-seconds", "1")
    assert server.post("/score", b"").status == 504
    name = (server.script.parent / "name").read_text()
    wait_for(lambda: not Path("/dev/shm", name).exists(), "removal of the shared memory")


RUNNER = """
    import os, time
    def init(): pass
    def run(data):
        beat = os.open("beat", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for _ in range(8):
            if os.fork(): continue
            os.setsid()
            end = time.monotonic() + 40  # should nobody catch it
            while time.monotonic() < end:
                if os.fork(): os._exit(0)
                os.write(beat, b".")
                time.sleep(0.002)
            os._exit(0)
        return os.getpid()
"""


def test_processes_that_change_their_pid_all_the_time_are_caught(known: Serve) -> None:
    server = known(RUNNER)
    worker = psutil.Process(server.post("/score", b"").json())
    beat = server.script.parent / "beat"

    def stands_still() -> bool:
        before = beat.stat().st_size
        time.sleep(0.3)
        return beat.stat().st_size == before

    wait_for(lambda: beat.stat().st_size > 100, "processes that run away")
    wait_for(lambda: not stands_still(), "processes that still run away")
    worker.kill()
    wait_for(stands_still, "the end of them all")
    wait_for(lambda: len(server.front().children(recursive=True)) == 1, "a tree of one worker")


def test_an_orphan_that_ends_by_itself_leaves_no_zombie(serve: Serve) -> None:
    source = """
        import os
        def init(): pass
        def run(data):
            if os.fork() == 0:
                if os.fork() == 0: os.execlp("true", "true")
                os._exit(0)
            os.wait()
        """
    server = serve(source)
    for _ in range(30):
        assert server.post("/score", b"").status == 200
    wait_for(lambda: len(server.front().children(recursive=True)) == 1, "a tree of one worker")


def test_what_was_there_before_the_server_and_beside_it_lives_on(
    write_script: WriteScript, kept: list[psutil.Process]
) -> None:
    """`sidecar & exec plimsoll …`: the sidecar is a child of the master, though none of its own."""
    script = write_script(SCRIPT)
    with ExitStack() as stack:
        neighbour = stack.enter_context(Server(script))
        _, theirs = started(neighbour, kept, "daemon", "child")
        server = stack.enter_context(Server(script, before="sleep 300 &"))
        master = psutil.Process(server.process.pid)
        sidecar = next(child for child in master.children() if child.cmdline()[:1] == ["sleep"])
        kept.append(sidecar)
        _, kin = started(server, kept, *KINDS)
        server.front().kill()
        wait_all_ended(kin.values(), "what the front's workers had started")
        server.wait_ready()
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0
        assert living([sidecar]) == [sidecar]
        assert len(living(theirs.values())) == 2


def test_whoever_reads_the_log_of_a_killed_server_sees_its_end(write_script: WriteScript) -> None:
    """The guardian must hold neither the log nor the port."""
    with Server(write_script(SCRIPT)) as server:
        guardian = guardian_of(server)
        descriptors = Path(f"/proc/{guardian.pid}/fd")
        held = {int(one.name): str(one.readlink()) for one in descriptors.iterdir()}
        assert held.pop(0).startswith("pipe:")  # whose other end the master holds
        assert set(held.values()) == {"/dev/null"}
        guardian.terminate()
        time.sleep(0.2)
        assert living([guardian]) == [guardian]
