"""Samples front and worker under load, by py-spy and, where there is one, by perf, and prints a table for each.

python -m benchmarks.cpu [--workload echo] [--connections 32] [--seconds 10] [--rows 25]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks import digits
from benchmarks.answers import verify
from benchmarks.cpu.stacks import Share, by_function, by_module, by_symbol
from benchmarks.measure.environment import install
from benchmarks.measure.gate import Gate
from benchmarks.measure.server import Server
from benchmarks.peers.plimsoll import Plimsoll
from benchmarks.visit import Visit
from benchmarks.workloads import BY_NAME
from plimsoll.host import procfs
from plimsoll.host.family.guardian import NAME as GUARDIAN

_PER_S = 200
_SETTLED_S = 2
"""How much longer than the sampling the load is: its first and its last moment are not sampled."""

Sampler = Callable[[int, Path, int], list[Share]]


def main() -> None:
    options = _options()
    peer, workload = Plimsoll(), BY_NAME[options.workload]
    digits.make()
    visit = Visit(peer, install(peer), workload, 1, False, options.seconds, Gate())
    with visit.start() as server:
        verify(server)
        for title, sampler in _samplers().items():
            for process, shares in _sampled(visit, server, sampler, options).items():
                _print(f"{process}, {title}", shares, options.rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.cpu", description=__doc__.splitlines()[0])
    loads = [name for name, workload in BY_NAME.items() if workload.kind == "load"]
    parser.add_argument("--workload", choices=loads, default="echo")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=25, help="of each table [default: 25]")
    return parser.parse_args()


def _samplers() -> Mapping[str, Sampler]:
    samplers: dict[str, Sampler] = {"Python functions (py-spy)": _py_spy}
    if shutil.which("perf"):
        samplers["native functions (perf)"] = _perf
    else:
        sys.stderr.write("no native functions: perf is not installed; on Debian, apt install linux-perf\n")
    return samplers


def _sampled(visit: Visit, server: Server, sampler: Sampler, options: argparse.Namespace) -> dict[str, list[Share]]:
    """Of all processes at the same time, under one load."""
    processes = _processes(server.pid)
    with ThreadPoolExecutor(1 + len(processes)) as pool, tempfile.TemporaryDirectory() as folder:
        load = pool.submit(visit.load, server, options.connections, options.seconds + _SETTLED_S)
        sample = partial(_one, sampler, Path(folder), options.seconds)
        found = dict(zip(processes, pool.map(sample, processes.values()), strict=True))
        load.result()
    return found


def _one(sampler: Sampler, folder: Path, seconds: int, pid: int) -> list[Share]:
    return sampler(pid, folder / str(pid), seconds)


def _processes(master_pid: int) -> dict[str, int]:
    """The master has its guardian beside the front."""
    (front,) = (pid for pid in procfs.children_of(master_pid) if _name(pid) != GUARDIAN)
    workers = {f"worker {number}": pid for number, pid in enumerate(procfs.children_of(front))}
    return {"front": front, **workers}


def _name(pid: int) -> str:
    return (procfs.read_text(f"/proc/{pid}/comm") or "").strip()


def _py_spy(pid: int, file: Path, seconds: int) -> list[Share]:
    """Of running threads. Stopped for the look, as py-spy does by default, one that waits counts as running here."""
    program = str(Path(sys.executable).with_name("py-spy"))
    what = ["--pid", str(pid), "--duration", str(seconds), "--rate", str(_PER_S)]
    how = ["--nonblocking", "--function", "--full-filenames", "--format", "raw", "--output", str(file)]
    _run([program, "record", *what, *how])
    return by_function(file.read_text().splitlines())


def _perf(pid: int, file: Path, seconds: int) -> list[Share]:
    """By the clock: a virtual machine may have no counter of cycles."""
    clock = ["--event", "cpu-clock", "--freq", str(_PER_S * 5)]
    _run(["perf", "record", "--quiet", *clock, "--pid", str(pid), "--output", str(file), "--", "sleep", str(seconds)])
    report = _run(["perf", "report", "--stdio", "--sort", "dso,symbol", "--input", str(file)])
    return list(by_symbol(report.splitlines()))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def _print(title: str, shares: list[Share], rows: int) -> None:
    print(f"\n### {title}\n")
    _table(by_module(shares)[: rows // 2])
    print()
    _table(shares[:rows])


def _table(shares: Iterable[Share]) -> None:
    print("| itself | with callees | module | function |")
    print("| ---: | ---: | --- | --- |")
    for share in shares:
        print(f"| {share.itself:.1%} | {share.total:.1%} | {share.module} | {share.function} |")


if __name__ == "__main__":
    main()
