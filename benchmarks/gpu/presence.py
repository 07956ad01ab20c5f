"""Whether there is a GPU: says why not, and nothing where there is one. A process of its own, as a driver may hang."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.folders import ROOT
from benchmarks.gpu.served import child_environment
from plimsoll.host.gpu.nvml import Nvml, NvmlMissing

_PATIENCE_S = 30.0
"""A driver that nobody has used for a while takes seconds to wake up."""


def why_no_gpu(most_s: float) -> str:
    """Empty where the driver shows one."""
    command, patience_s = [sys.executable, "-m", "benchmarks.gpu.presence"], min(_PATIENCE_S, most_s)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, env=child_environment({}), timeout=patience_s
        )
    except subprocess.TimeoutExpired:
        return f"the driver did not answer within {patience_s:g} s"
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()


def _look() -> str:
    try:
        with Nvml.open() as nvml:
            return "" if nvml.gpus() else "; ".join(["the driver shows none", *nvml.troubles])
    except NvmlMissing as missing:
        return str(missing)


if __name__ == "__main__":
    print(_look())
