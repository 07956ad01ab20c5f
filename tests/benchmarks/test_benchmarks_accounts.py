"""CPU accounting, held against getrusage(2) of the processes themselves."""

from __future__ import annotations

import os
import signal

import pytest
from benchmarks.measure.accounts import Accounts
from spinning import server, tell

from plimsoll.host import procfs
from plimsoll.host.cpu_clock import process_cpu_ns
from support.server import wait_for

SLACK_S = 0.05
"""What reading a line may cost; processes that have ended are counted in ticks of 10 ms.

What starting costs is nowhere in it: on a slow machine it is more than this.
"""


def test_threads_children_and_ended_children_of_a_tree_are_counted() -> None:
    source = """
        import resource

        def used_s():
            used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
            return sum(one.ru_utime + one.ru_stime for one in used)

        input()
        print(used_s(), flush=True)
        input()
        ended = subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"])
        lasts = "import os; sum(range(20_000_000)); print(flush=True); input(); os._exit(0)"
        lasting = subprocess.Popen([sys.executable, "-c", lasts], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        lasting.stdout.readline()
        thread = threading.Thread(target=spin, args=(0.3,)); thread.start(); thread.join()
        print("spun", flush=True)
        input()
        lasting.communicate(b"\\n")
        print(used_s(), flush=True)
        input()
    """
    with server(source) as root:
        begun_s = float(tell(root))
        accounts = Accounts(root.pid)
        assert tell(root) == "spun\n"
        counted_s = accounts.usage().server_s
        own_s = float(tell(root)) - begun_s
        tell(root)
    assert own_s > 0.3
    assert counted_s == pytest.approx(own_s, abs=SLACK_S)


def test_an_orphan_stays_in_the_tree_that_it_came_from() -> None:
    source = """
        input()
        print(flush=True)
        input()
        works = "import time; all(iter(lambda: time.process_time() < 0.5, False)); time.sleep(600)"
        subprocess.run(["sh", "-c", f"{sys.executable} -c '{works}' >/dev/null & "])
        print(flush=True)
        input()
    """
    with server(source) as root:
        tell(root)
        accounts = Accounts(root.pid)
        tell(root)
        (orphan,) = procfs.children_of(root.pid)
        wait_for(lambda: cpu_s(orphan) > 0.4, "the work of the orphan")
        own_s = cpu_s(orphan)
        usage = accounts.usage()
        os.kill(orphan, signal.SIGKILL)
        root.communicate("\n")
    assert usage.server_s >= own_s


def cpu_s(pid: int) -> float:
    return (process_cpu_ns(pid) or 0) / 1e9


def test_the_client_and_this_process_are_not_the_server() -> None:
    begin = "input(); print(flush=True); input()"
    with server(begin) as root, server(f"{begin}; spin(0.5); print(flush=True); input()") as client:
        tell(root)
        tell(client)
        accounts = Accounts(root.pid)
        tell(client)
        usage = accounts.usage()
        tell(client)
        root.communicate("\n")
    assert usage.server_s < SLACK_S
    # This process is a client too, and looks at every process of the machine.
    assert usage.client_s == pytest.approx(0.5, abs=0.2)
