"""The server under test as a process: how it is started and ended, what it says, and what its output is quoted for."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from plimsoll.profiling.measure.metrics import MOST_CONNECTIONS, budget_connections, read_batches
from plimsoll.profiling.measure.process import ServerProcess
from support.families import wait_all_ended
from support.living import living
from support.server import wait_for

ECHO = """
import os, sys
def init(): print("MARK", os.environ.get("TRIED"), os.environ.get("PLIMSOLL_PROFILE"), sorted(os.sched_getaffinity(0)))
def run(data): return data
"""
BATCHES = """
from plimsoll.entry import batch
def init(): pass
@batch(max_size=64)
def run(items): return items
"""


def script(folder: Path, source: str = ECHO) -> list[str]:
    (folder / "score.py").write_text(source)
    return ["--entry-script", str(folder / "score.py")]


def wait_ready(process: ServerProcess) -> None:
    wait_for(lambda: process.readiness()[0] or process.exit_code() is not None, "readiness")
    assert process.exit_code() is None, process.last_lines()


def wait_said(log: Path, line: str) -> None:
    """What a script prints goes through its server, and may be in the log only after the server is ready."""
    wait_for(lambda: line in log.read_text(), line)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Path]]:
    """A server on one CPU, with a variable of its own; its log already holds an older one's."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "server.log").write_text("plimsoll: error: of another run\n")
    cpu = min(os.sched_getaffinity(0))
    with ServerProcess(script(folder), folder / "server.log", [cpu], variables={"TRIED": "yes"}) as process:
        wait_ready(process)
        wait_said(folder / "server.log", "MARK yes")
        yield process, folder / "server.log"
    assert process.exit_code() is not None


def test_it_says_that_it_is_ready(served: tuple[ServerProcess, Path]) -> None:
    ready, text = served[0].readiness()
    assert ready
    assert text


def test_it_gets_the_variables_and_the_cpus_that_were_asked_for(served: tuple[ServerProcess, Path]) -> None:
    process, log = served
    cpu = min(os.sched_getaffinity(0))
    assert f"MARK yes None [{cpu}]" in log.read_text()
    assert {tuple(psutil.Process(one.pid).cpu_affinity()) for one in process.tree.members()} == {(cpu,)}


def test_what_makes_us_profile_does_not_reach_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that profiled would start servers, without end."""
    monkeypatch.setenv("PLIMSOLL_PROFILE", "rows.txt")
    monkeypatch.setenv("PLIMSOLL_PORT", "1")
    with ServerProcess(script(tmp_path), tmp_path / "server.log", None) as process:
        wait_ready(process)
        wait_said(tmp_path / "server.log", "MARK None None")


def test_only_what_it_wrote_itself_is_quoted(served: tuple[ServerProcess, Path]) -> None:
    process, log = served
    assert log.read_text().startswith("plimsoll: error: of another run\n")
    lines = process.last_lines(100)
    assert lines
    assert all(line.strip() and "of another run" not in line for line in lines)
    assert process.last_lines(1) == lines[-1:]
    assert "of another run" not in process.last_error()


def test_its_metrics_are_read(served: tuple[ServerProcess, Path]) -> None:
    text = served[0].metrics()
    assert "plimsoll_connections_limit" in text
    budget = budget_connections(10_000, text)
    assert 1 < budget.server <= MOST_CONNECTIONS
    assert read_batches(text) is None, "run() takes single calls"


def test_a_server_of_batches_says_how_big_they_may_be(tmp_path: Path) -> None:
    flags = [*script(tmp_path, BATCHES), "--max-batch-size", "7"]
    with ServerProcess(flags, tmp_path / "server.log", None) as process:
        wait_ready(process)
        use = read_batches(process.metrics())
    assert use is not None
    assert (use.max_size, use.batches, use.runs, use.mean_size, use.mean_run_s) == (7, 0, 0, 0.0, 0.0)


def test_two_servers_have_two_ports(tmp_path: Path, served: tuple[ServerProcess, Path]) -> None:
    with ServerProcess(script(tmp_path), tmp_path / "server.log", None) as process:
        assert process.port != served[0].port
        assert process.readiness()[0] is False, "it has only just been started"
        assert process.metrics() == ""


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with ServerProcess(["--entry-script", str(tmp_path / "gone.py")], tmp_path / "server.log", None) as process:
        wait_for(lambda: process.exit_code() is not None, "end")
        assert process.exit_code() not in (0, None)
        assert "gone.py" in process.last_error()
        assert not process.last_error().startswith("plimsoll: error: ")
        ready, why = process.readiness()
    assert (ready, why) == (False, "[Errno 111] Connection refused")


def test_a_server_that_is_killed_is_known_by_its_signal(tmp_path: Path) -> None:
    with ServerProcess(script(tmp_path), tmp_path / "server.log", None) as process:
        wait_ready(process)
        os.kill(process.tree.root_pid, signal.SIGKILL)
        wait_for(lambda: process.exit_code() is not None, "end")
        assert process.exit_code() == -signal.SIGKILL


def test_nothing_of_it_is_left(tmp_path: Path) -> None:
    """Nor a child that ignores SIGTERM, such as a script may start."""
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
    source = f"import subprocess, sys\ndef init(): subprocess.Popen([sys.executable, '-c', {stubborn!r}])\n"
    source += "def run(data): return data\n"
    with ServerProcess(script(tmp_path, source), tmp_path / "server.log", None) as process:
        wait_ready(process)
        family = [psutil.Process(one.pid) for one in process.tree.members()]
        assert len(family) >= 4
        process.stop(grace_s=1.0)
        assert living(family) == []
        process.stop(grace_s=0.1)
    wait_all_ended(family, "the server")


def test_it_does_not_outlive_whoever_started_it(tmp_path: Path) -> None:
    """Not even where that one is killed and can clean nothing up."""
    source = (
        "import sys, time\nfrom pathlib import Path\n"
        "from plimsoll.profiling.measure.process import ServerProcess\n"
        "process = ServerProcess(sys.argv[2:], Path(sys.argv[1]), None)\n"
        "while not process.readiness()[0]: time.sleep(0.02)\n"
        "print('ready', flush=True)\ntime.sleep(300)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", source, str(tmp_path / "server.log"), *script(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    assert starter.stdout.readline() == "ready\n"
    family = psutil.Process(starter.pid).children(recursive=True)
    assert len(family) >= 3
    starter.kill()
    starter.wait()
    starter.stdout.close()
    wait_all_ended(family, "the server")


def test_a_port_that_talks_something_else_is_no_ready_server(tmp_path: Path) -> None:
    """Between looking for a free port and taking it another program may have it: here one that greets as SMTP does."""
    with ServerProcess(["--entry-script", str(tmp_path / "gone.py")], tmp_path / "server.log", None) as process:
        wait_for(lambda: process.exit_code() is not None, "end")
        with socket.create_server(("127.0.0.1", process.port)) as listener:
            thread = threading.Thread(target=greet, args=(listener,))
            thread.start()
            ready, why = process.readiness()
            thread.join()
    assert not ready
    assert why


def greet(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(b"220 mail.example.org ESMTP\r\n")
