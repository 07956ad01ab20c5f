"""A process that the script forks answers nobody, keeps nothing of the worker's, and costs no other call its answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.fixtures import Serve
from support.load import Load

TIMEOUT = ("--scoring-timeout-ms", "20000")
"""Far above what any of these calls takes: a 504 is a call whose answer somebody else has taken."""

FORKING = """
    import ctypes, json, os, sys

    def init(): pass

    def fork(c=False):  # the interpreter's lock is kept, as a C extension that forks keeps it
        return ctypes.PyDLL(None).fork() if c else os.fork()

    def run(data):
        order = json.loads(data)
        if not isinstance(order, str): return order
        parent, pid = os.getpid(), fork(c="from C" in order)
        if pid == 0:
            if "raises" in order: raise ValueError("in the child")
            if "exits" in order: sys.exit(7)
            if "_exit" in order: os._exit(8)
            if "exec" in order: os.execlp("true", "true")
            return "the child's answer"
        return [parent, os.getpid(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]
"""


@pytest.mark.parametrize(
    ("order", "exit_code"),
    [
        ("returns", 0),
        ("returns, from C", 0),
        ("raises", 1),
        ("raises, from C", 1),
        ("exits", 7),
        ("_exit", 8),
        ("exec", 0),
    ],
)
def test_a_child_that_comes_back_from_run_ends_and_only_its_parent_answers(
    serve: Serve, order: str, exit_code: int
) -> None:
    server = serve(FORKING, *TIMEOUT, "--threads", "2")
    with Load(server.port, clients=3) as load:
        for _ in range(10):
            reply = server.post("/score", json.dumps(order).encode())
            assert reply.status == 200, server.log()
            parent, answering, code = reply.json()
            assert parent == answering == server.workers()[0].pid
            assert code == exit_code
        load.wait_sent(100)
    assert load.wrong == []
    assert set(load.outcomes) == {"200"}
    assert server.metric("plimsoll_worker_restarts_total") == 0


def test_the_log_says_once_that_a_child_came_back_and_for_which_request(serve: Serve) -> None:
    server = serve(FORKING, *TIMEOUT)
    server.post("/score", b'"returns"', x_request_id="came-back")
    server.post("/score", b'"exits"', x_request_id="sys-exit")
    server.wait_log("sys-exit")
    server.wait_log("forked by the script")
    lines = [line for line in server.log().splitlines() if "forked by the script" in line]
    assert len(lines) == 1
    assert "came-back" in lines[0]
    assert "returned from the script" in lines[0]


def test_what_the_child_prints_is_not_lost_and_what_the_parent_has_begun_is_printed_once(serve: Serve) -> None:
    server = serve(
        """
        import os
        def init(): pass
        def run(data):
            print("begun by the parent", end="")
            pid = os.fork()
            if pid == 0:
                print("printed by the child", end="")
                return "child"
            os.waitpid(pid, 0)
            return "parent"
        """,
        *TIMEOUT,
    )
    assert server.post("/score", b"x").json() == "parent"
    server.wait_log("begun by the parent")
    server.wait_log("printed by the child")
    assert server.log().count("printed by the child") == 1
    assert server.log().count("begun by the parent") == 1


OTHER_SHAPES = {
    "batch": """
        import os
        from plimsoll.entry import batch
        def init(): pass
        @batch(max_size=4)
        def run(data):
            pid = os.fork()
            if pid == 0: raise SystemExit(0)
            os.waitpid(pid, 0)
            return [{"answer": one, "by": os.getpid()} for one in data]
        """,
    "async": """
        import asyncio, os
        def init(): pass
        async def run(data):
            await asyncio.sleep(0)
            pid = os.fork()
            if pid == 0: return "child"
            os.waitpid(pid, 0)
            await asyncio.sleep(0.001)
            return {"answer": data, "by": os.getpid()}
        """,
    "a thread of run()": """
        import os, threading
        def init(): pass
        def fork():
            pid = os.fork()
            if pid: os.waitpid(pid, 0)
        def run(data):
            thread = threading.Thread(target=fork)
            thread.start()
            thread.join()
            return {"answer": data, "by": os.getpid()}
        """,
    "init()": """
        import os
        def init():
            pid = os.fork()
            if pid: os.waitpid(pid, 0)
        def run(data): return {"answer": data, "by": os.getpid()}
        """,
    "import": """
        import os
        pid = os.fork()
        if pid: os.waitpid(pid, 0)
        def init(): pass
        def run(data): return {"answer": data, "by": os.getpid()}
        """,
    "init() that exits in the child": """
        import os, sys
        def init():
            pid = os.fork()
            if pid == 0: sys.exit()
            os.waitpid(pid, 0)
        def run(data): return {"answer": data, "by": os.getpid()}
        """,
}


@pytest.mark.parametrize("shape", OTHER_SHAPES)
def test_wherever_the_script_forks_the_worker_answers_for_itself(serve: Serve, shape: str) -> None:
    server = serve(OTHER_SHAPES[shape], *TIMEOUT)
    for number in range(8):
        reply = server.post("/score", b"%d" % number)
        assert reply.status == 200, server.log()
        assert reply.json() == {"answer": str(number), "by": server.workers()[0].pid}
    assert server.metric("plimsoll_worker_restarts_total") == 0


@pytest.mark.parametrize("position", ["before the first chunk", "between chunks", "at the end"])
def test_a_child_forked_in_a_stream_sends_no_chunk(serve: Serve, position: str) -> None:
    server = serve(
        f"""
        import os
        position = {position!r}
        def fork(): return os.fork() == 0
        def run(data):
            child = False
            if position == "before the first chunk": child = fork()
            yield "child" if child else "one,"
            if position == "between chunks": child = fork()
            yield "child" if child else "two,"
            if position == "at the end": fork()
        def init(): pass
        """,
        *TIMEOUT,
    )
    for _ in range(8):
        reply = server.post("/score", b"x")
        assert (reply.status, reply.body) == (200, b"one,two,")
    assert server.metric("plimsoll_worker_restarts_total") == 0


def test_a_warm_up_that_forks_leaves_a_worker_that_serves(serve: Serve, tmp_path: Path) -> None:
    rows = tmp_path / "rows.txt"
    rows.write_text('"returns"\n')
    server = serve(FORKING, *TIMEOUT, "--warmup", str(rows))
    server.wait_log("warm-up of 1 row(s)")
    server.wait_log("0 failed")
    worker, answering, _ = server.post("/score", b'"_exit"').json()
    assert worker == answering == server.workers()[0].pid


LISTING = """
    import json, os, subprocess

    def init(): pass

    SHOW = "ls -l /proc/self/fd | grep -c -e 'socket:' -e plimsoll-cancel; true"

    def run(data):
        how = json.loads(data)
        if how == "own": return int(subprocess.getoutput(SHOW.replace("self", str(os.getpid()))))
        out = "shown"
        if how == "system": os.system(f"( {SHOW} ) > {out}")
        if how == "posix_spawn":
            os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", f"( {SHOW} ) > {out}"], os.environ), 0)
        if how == "fork and exec":
            pid = os.fork()
            if pid == 0: os.execl("/bin/sh", "sh", "-c", f"( {SHOW} ) > {out}")
            os.waitpid(pid, 0)
        if how == "keeps descriptors": subprocess.run(f"( {SHOW} ) > {out}", shell=True, close_fds=False)
        if how == "fork":
            pid = os.fork()
            if pid == 0:
                held = [name for name in os.listdir("/proc/self/fd") if is_ours(name)]
                open(out, "w").write(str(len(held)))
                os._exit(0)
            os.waitpid(pid, 0)
        return int(open(out).read())

    def is_ours(name):
        try: target = os.readlink(f"/proc/self/fd/{name}")
        except OSError: return False
        return target.startswith("socket:") or "plimsoll-cancel" in target
"""


@pytest.mark.parametrize("how", ["system", "posix_spawn", "fork and exec", "keeps descriptors", "fork"])
def test_nothing_that_the_script_starts_inherits_the_sockets_of_the_worker(serve: Serve, how: str) -> None:
    server = serve(LISTING, *TIMEOUT)
    assert server.post("/score", b'"own"').json() >= 3  # control, cancel board, one slot: the listing can see them
    assert server.post("/score", json.dumps(how).encode()).json() == 0


POOLS = """
    import concurrent.futures, json, multiprocessing, os, subprocess

    def init(): pass

    def double(number): return 2 * number, os.getpid()

    def run(data):
        method, number = json.loads(data)
        if method == "subprocess":
            return [int(subprocess.run(["expr", "2", "*", str(number)], capture_output=True).stdout), 0], 1
        context = multiprocessing.get_context(method.split()[0])
        if "executor" in method:
            with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
                return pool.submit(double, number).result(), os.getpid()
        with context.Pool(2) as pool:
            return pool.apply(double, (number,)), os.getpid()
"""


@pytest.mark.parametrize(
    "method", ["fork pool", "fork executor", "spawn pool", "spawn executor", "forkserver executor", "subprocess"]
)
def test_pools_of_processes_run_functions_of_the_script(serve: Serve, method: str) -> None:
    server = serve(POOLS, "--scoring-timeout-ms", "30000")
    for number in range(3):
        (doubled, child), worker = server.post("/score", json.dumps([method, number]).encode()).json()
        assert doubled == 2 * number
        assert child != worker
    assert server.metric("plimsoll_worker_restarts_total") == 0


def test_a_fork_beside_threads_that_print_never_hangs(serve: Serve) -> None:
    server = serve(
        """
        import os
        def init(): pass
        def run(data):
            for _ in range(30): print("x" * 200)
            pid = os.fork()
            if pid == 0:
                print("child")
                return "child"
            os.waitpid(pid, 0)
            return data
        """,
        *TIMEOUT,
        "--threads",
        "4",
    )
    with Load(server.port, clients=8) as load:
        load.wait_sent(300)
    assert set(load.outcomes) == {"200"}
