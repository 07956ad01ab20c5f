"""Which role a process of the tree has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plimsoll.host.processes import ProcessTree
from plimsoll.profiling.measure.meter import FRONT, ServerMeter


@pytest.fixture
def family(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process with a plain child and a child that is called like a model worker and has a child of its own."""
    (tmp_path / "sleeper.py").write_text("import time; time.sleep(60)")
    (tmp_path / "worker.py").write_text(
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, {str(tmp_path / 'sleeper.py')!r}])\n"
        "print('up', flush=True); time.sleep(60)"
    )
    source = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, {str(tmp_path / 'sleeper.py')!r}])\n"
        f"subprocess.Popen([sys.executable, {str(tmp_path / 'worker.py')!r}, 'plimsoll.workers.child.main'])\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield process
    ProcessTree(process.pid).end(0.2, process.poll)
    process.stdout.close()


def test_a_workers_children_belong_to_it_and_all_else_to_the_front(family: subprocess.Popen[str]) -> None:
    meter = ServerMeter(ProcessTree(family.pid))
    meter.refresh()
    assert sorted(role for _, role in meter._members) == [FRONT, FRONT, "worker 0", "worker 0"]
    memory = meter.memory()
    assert set(memory.roles) == {FRONT, "worker 0"}
    assert memory.total.pss_bytes == sum(part.pss_bytes for part in memory.roles.values())
    assert memory.total.held_bytes < sum(part.held_bytes for part in memory.roles.values())
    assert set(meter.cpu_ns()) == {FRONT, "worker 0"}
