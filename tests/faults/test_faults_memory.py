"""A worker that the memory limit kills is not a riddle: the limit is named, and the start is not tried for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plimsoll.host.cgroups.groups import LimitedGroup, LimitsUnavailable, delegate
from support.server import PATIENCE_S, free_port

LIMIT_MB = 80
"""So little that at the moment of need the front is larger than the worker."""
HUNGRY = "model = bytearray(1000 * 1000 * 1000)\ndef init(): pass\ndef run(data): return data\n"


@pytest.fixture
def small() -> Iterator[LimitedGroup]:
    try:
        with delegate() as delegation, delegation.group(f"plimsoll-test-{os.getpid()}") as group:
            group.limit_memory(LIMIT_MB * 2**20)
            yield group
    except LimitsUnavailable as reason:
        pytest.skip(f"no memory limit can be set here: {reason}")


def started_inside(group: LimitedGroup, folder: Path) -> tuple[int, list[str]]:
    """Exit code and lines of a server that joins the group before anything else."""
    join = "import os, sys\nfor door in sys.argv[1].split(','): open(door, 'w').write('0')\nos.execv(sys.executable, "
    command = f"{join}[sys.executable, '-m', 'plimsoll', *sys.argv[2:]])"
    doors = ",".join(map(str, group.doors))
    done = subprocess.run(
        [sys.executable, "-c", command, doors, "--entry-script", "score.py", "--port", str(free_port())],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return done.returncode, done.stderr.rstrip().splitlines()


def test_a_model_too_big_for_the_limit_ends_with_3_and_names_the_limit(tmp_path: Path, small: LimitedGroup) -> None:
    (tmp_path / "score.py").write_text(HUNGRY)
    code, lines = started_inside(small, tmp_path)
    last = lines[-1]
    assert code == 3
    assert any(f"the memory limit of {LIMIT_MB} MiB leaves 19 MiB for the model in each of 1" in line for line in lines)
    assert f"the worker was killed by signal 9 (SIGKILL) while it loaded {tmp_path}/score.py: out of memory" in last
    assert f"the memory limit of {LIMIT_MB} MiB was reached (give the container more memory" in last


def test_a_worker_that_somebody_else_kills_does_not_blame_the_limit(tmp_path: Path, small: LimitedGroup) -> None:
    (tmp_path / "score.py").write_text("import os\ndef init(): os.kill(os.getpid(), 9)\ndef run(data): return data\n")
    code, lines = started_inside(small, tmp_path)
    last = lines[-1]
    assert code == 3
    assert f"while it loaded {tmp_path}/score.py (the memory limit of {LIMIT_MB} MiB was not reached)" in last
