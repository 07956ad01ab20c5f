"""CPU accounting, held against getrusage(2) of the processes themselves."""

from __future__ import annotations

import os
import signal

import pytest
from benchmarks.measure.accounts import Accounts
from spinning import server, tell

from plimsoll.host import procfs

SLACK_S = 0.05
"""What starting and reading may cost; processes that have ended are counted in ticks of 10 ms."""


def test_threads_children_and_ended_children_of_a_tree_are_counted() -> None:
    source = """
        input()
        import resource
        ended = subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"])
        lasting = subprocess.Popen([sys.executable, "-c", "sum(range(20_000_000)); print(flush=True); input()"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        lasting.stdout.readline()
        thread = threading.Thread(target=spin, args=(0.3,)); thread.start(); thread.join()
        print("spun", flush=True)
        input()
        lasting.communicate(b"\\n")
        print(sum(resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime
                  for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)), flush=True)
        input()
    """
    with server(source) as root:
        accounts = Accounts(root.pid)
        assert tell(root) == "spun\n"
        counted_s = accounts.usage().server_s
        own_s = float(tell(root))
        tell(root)
    assert own_s > 0.3
    assert counted_s == pytest.approx(own_s, abs=SLACK_S)


def test_an_orphan_stays_in_the_tree_that_it_came_from() -> None:
    source = """
        input()
        subprocess.run(["sh", "-c", f"{sys.executable} -c 'sum(range(20_000_000)); import time; time.sleep(60)' & "])
        time.sleep(2)
        print(flush=True)
        input()
    """
    with server(source) as root:
        accounts = Accounts(root.pid)
        tell(root)
        usage = accounts.usage()
        (orphan,) = procfs.children_of(root.pid)
        os.kill(orphan, signal.SIGKILL)
        root.communicate("\n")
    assert usage.server_s > 0.1


def test_the_client_and_this_process_are_not_the_server() -> None:
    with server("input()") as root, server("input(); spin(0.5); print(flush=True); input()") as client:
        accounts = Accounts(root.pid)
        tell(client)
        usage = accounts.usage()
        tell(client)
        root.communicate("\n")
    assert usage.server_s < SLACK_S
    assert usage.client_s == pytest.approx(0.5, abs=0.1)
