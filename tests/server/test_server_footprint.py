"""What each process of a server imports, and in which order: what its memory and its start depend on, without a clock.

Real processes write down their modules: Python imports `sitecustomize` at the start of every interpreter, and what it
registers with `atexit` and `sys.addaudithook` a forked process keeps.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plimsoll.host import procfs
from support.server import Server

SCRIPT = "entry_module"
"""The name under which a worker imports the script."""
ECHO = "def init(): pass\ndef run(data): return data"
_SPY = """
import atexit, os, sys

def note(when):
    with open(os.path.join({folder!r}, f"{{when}}-{{os.getpid()}}"), "w") as file:
        file.write("\\n".join(sys.modules))

def hear(event, arguments):
    if event == "subprocess.Popen" and "plimsoll.workers.child.main" in arguments[1]:
        note("spawn")

atexit.register(note, "end")
sys.addaudithook(hear)
"""
_MASTER = {"click", "gunicorn"}
_FRONT = _MASTER | {"uvloop", "httptools", "starlette", "anyio", "typing_extensions", "prometheus_client"}
_TOOLS = {"_distutils_hack", "_virtualenv", "a1_coverage", "coverage", "sitecustomize", "usercustomize"}
"""Of the environment: what it imports into every interpreter."""


class Modules:
    """Of one process at one moment."""

    def __init__(self, file: Path) -> None:
        self.names = set(file.read_text().split("\n"))

    def foreign(self) -> set[str]:
        """Packages that are neither ours nor Python's own."""
        roots = {name.partition(".")[0] for name in self.names}
        known = sys.stdlib_module_names | _TOOLS | {"plimsoll", "__main__", SCRIPT}
        return {root for root in roots - known if "cython" not in root}  # what Cython adds to uvloop

    def ours(self, *packages: str) -> set[str]:
        return {name for name in self.names for one in packages if f"{name}.".startswith(f"plimsoll.{one}.")}


@pytest.fixture(scope="module")
def spied(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Modules]:
    """The modules of master, front and worker at their end, and of the front when it starts the worker."""
    folder = tmp_path_factory.mktemp("footprint")
    (folder / "sitecustomize.py").write_text(_SPY.format(folder=str(folder)))
    (folder / "score.py").write_text(ECHO)
    with Server(folder / "score.py", env={"PYTHONPATH": str(folder)}) as server:
        assert server.post("/score", b'"x"').status == 200
        assert server.get("/metrics").status == 200
        master = server.process.pid
        (front,) = (pid for pid in procfs.children_of(master) if "plimsoll" in procfs.read_command_line(pid))
        (worker,) = procfs.children_of(front)
    files = {"master": f"end-{master}", "front": f"end-{front}", "worker": f"end-{worker}", "spawn": f"spawn-{front}"}
    return {name: Modules(folder / file) for name, file in files.items()}


def test_each_process_imports_only_what_it_needs(spied: dict[str, Modules]) -> None:
    assert spied["master"].foreign() <= _MASTER
    assert spied["front"].foreign() <= _FRONT
    assert spied["worker"].foreign() == set()


def test_serving_imports_no_profiler(spied: dict[str, Modules]) -> None:
    for modules in spied.values():
        assert modules.ours("profiling", "reports", "api", "command.profile", "install") == set()


def test_the_master_imports_nothing_of_what_serves(spied: dict[str, Modules]) -> None:
    master = spied["master"]
    assert {"asyncio", "logging.config"} & master.names == set()
    front = ("server.front.serving", "server.front.front", "server.http")
    assert master.ours(*front, "workers.supervisor", "workers.process") == set()


def test_workers_start_before_the_front_imports_what_http_needs(spied: dict[str, Modules]) -> None:
    early, late = spied["spawn"], spied["front"]
    assert "plimsoll.server.reception" in late.names
    assert {"plimsoll.server.reception", "starlette", "prometheus_client"} & early.names == set()


def test_the_master_is_little_more_than_gunicorn_and_click(spied: dict[str, Modules]) -> None:
    """The ratio is that of modules, since memory and time depend on the machine."""
    program = "import sys, click, gunicorn.app.base, gunicorn.workers.base; print(*sys.modules, sep='\\n')"
    least = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    others = {name for name in spied["master"].names if name.partition(".")[0] != "plimsoll"}
    assert len(others) <= 1.15 * len(least), sorted(others - set(least))
