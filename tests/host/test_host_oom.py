"""A process that offers itself is the one that the kernel takes."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import subprocess, sys
from pathlib import Path
from plimsoll.host.oom import offer_to_die_first
def points(): return int(Path("/proc/self/oom_score_adj").read_text())
before = points()
offer_to_die_first()
child = subprocess.run(["cat", "/proc/self/oom_score_adj"], capture_output=True, text=True)
print(before, points(), child.stdout.strip())
"""


def test_it_and_its_children_go_before_those_that_started_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    before, after, child = map(int, done.stdout.split())
    assert after == child == min(1000, before + 500)
