"""Entry scripts whose cost is known, and a profile of one."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from plimsoll.profiling.options import ProfileOptions
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.run import profile

BURN = """
import time
def init(): pass
def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end: pass
"""
BURN_10_MS = BURN + "def run(data): burn(0.010)\n"
BIMODAL = BURN + "def run(data): burn(0.030 if data == 'heavy' else 0.002)\n"
EMPTY = "def init(): pass\ndef run(data): return data\n"
MATRICES = """
import numpy as np
def init():
    global a
    a = np.random.default_rng(1).standard_normal((900, 900))
def run(data): return float((a @ a)[0, 0])
"""
HOLD_300_MB = """
def init():
    global held
    held = bytearray(b"x") * 300_000_000
def run(data): return data
"""
PEAK_WHILE_LOADING = """
def init():
    global held
    peak = bytearray(b"x") * 400_000_000
    held = bytes(100_000_000 * b"y")
def run(data): return data
"""
HEAVY_ROW = """
def init(): pass
def run(data):
    spike = bytearray(b"x") * int(data)
    return len(spike)
"""
SPIKE_50_MS = """
import time
def init(): pass
def run(data):
    spike = bytearray(b"x") * 200_000_000
    time.sleep(0.05)
    return len(spike)
"""
SLEEP_50_MS = SPIKE_50_MS.replace("200_000_000", "1")
SHARED_FILE = """
import mmap
def init():
    global held
    with open({path!r}, "rb") as file:
        held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    sum(held[place] for place in range(0, len(held), 4096))
def run(data): return data
"""
LEAK = BURN + "kept = []\ndef run(data):\n    kept.append(bytearray(b'x') * {size})\n    burn(0.005)\n"
SATURATING = (
    BURN + "kept = {{}}\ndef run(data):\n    burn(0.002)\n"
    "    if len(kept) < {most}: kept[len(kept)] = bytearray(b'x') * 200_000\n"
)
STALL = """
import time
last = time.monotonic()
def init(): pass
def run(data):
    global last
    time.sleep(0.004)
    if time.monotonic() - last > 5.0:
        time.sleep(0.5)
        last = time.monotonic()
    return data
"""
STALL_EVERY_5_S = """
import time
def init():
    global last
    last = time.monotonic()
def run(data):
    global last
    time.sleep(0.001)
    if time.monotonic() - last >= 5.0:
        last = time.monotonic()
        time.sleep(0.5)
    return data
"""
ONE_ROW_200_TIMES = BURN + "def run(data): burn(0.2 if data == 'heavy' else 0.001)\n"
EXPONENTIAL = BURN + "import random\ndef run(data): burn(random.expovariate(1 / 0.003))\n"
BATCHES = (
    BURN
    + """
from plimsoll.entry import batch
@batch(max_size=32)
def run(data):
    burn(0.005 + 0.001 * len(data))
    return data
"""
)
COLD_FIRST_CALLS = (
    BURN
    + """
warm = False
def run(data):
    global warm
    burn(0.002 if warm else 0.8)
    warm = True
"""
)
SLEEP_20_MS = "import time\ndef init(): pass\ndef run(data): time.sleep(0.020)\n"
SLOW_INIT = "import time\ndef init(): time.sleep(3)\ndef run(data): return data\n"
BAD_ROWS = """
import os
def init(): pass
def run(data):
    if data == "bad": raise ValueError("bad")
    if data == "kill": os._exit(9)
    return data
"""
BIG = BURN + "held = bytearray(b'x') * 1_000_000_000\ndef run(data): burn(0.020)\n"


class Quiet:
    """Nobody watches."""

    def phase(self, name: str, total_s: float) -> None:
        """Not shown."""

    def advance(self, elapsed_s: float) -> None:
        """Not shown."""

    def note(self, text: str) -> None:
        """Not shown."""


def options_for(
    folder: Path, script: str, rows: list[str], budget_s: float, *flags: str, **changes: Any
) -> ProfileOptions:
    """A score.py and its rows in a folder of their own."""
    folder.mkdir(exist_ok=True)
    (folder / "score.py").write_text(textwrap.dedent(script))
    (folder / "rows.txt").write_text("\n".join(rows))
    arguments = ["--entry-script", str(folder / "score.py"), *flags]
    return ProfileOptions(folder / "rows.txt", arguments, folder / "out", budget_s=budget_s, **changes)


def run(folder: Path, script: str, rows: list[str], budget_s: float, *flags: str, **changes: Any) -> Profile:
    """Profiles it."""
    return profile(options_for(folder, script, rows, budget_s, *flags, **changes), Quiet())


def peak_bytes(result: Profile) -> int:
    """Of the server's tree."""
    assert result.measurements.memory.peak_bytes is not None
    return result.measurements.memory.peak_bytes


def worker_cpu_s(result: Profile) -> float:
    """CPU of the model workers per request."""
    return sum(worker.cpu_seconds_per_request or 0.0 for worker in result.processes.workers)
