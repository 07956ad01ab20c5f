"""CPU per request of a 100-byte echo: Plimsoll against a bare ASGI app on the same server, in one run.

python benchmarks/echo.py [--rounds N] [--seconds S] [--connections C] (needs wrk)

The two servers take turns; the ratio is formed within each round, where the machine is the same for both.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from plimsoll.host.cpu_clock import process_cpu_ns
from plimsoll.host.family.guardian import NAME as GUARDIAN

HERE = Path(__file__).parent
SCRIPT = "def init(): pass\ndef run(data): return data\n"


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "score.py"
        script.write_text(SCRIPT)
        with _server(_bare) as (bare, bare_port), _server(_plimsoll(script)) as (plimsoll, plimsoll_port):
            ratios, costs = [], []
            for _ in range(options.rounds):
                base_us = _cost_us(bare, bare_port, options)
                cost_us = _cost_us(plimsoll, plimsoll_port, options)
                ratios.append(cost_us / base_us)
                costs.append((base_us, cost_us))
                print(f"bare {base_us:5.1f} µs   plimsoll {cost_us:5.1f} µs   ratio {ratios[-1]:.2f}")
            print(f"median: bare {statistics.median(base for base, _ in costs):.1f} µs, ", end="")
            print(f"plimsoll {statistics.median(cost for _, cost in costs):.1f} µs, ", end="")
            print(f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
            _print_memory(plimsoll)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=32)
    return parser.parse_args()


def _bare(port: int) -> list[str]:
    worker = ["-k", "uvicorn_worker.UvicornWorker", "-w", "1", "--no-control-socket", "--log-level", "error"]
    return ["-m", "gunicorn", "--chdir", str(HERE), *worker, "-b", f"127.0.0.1:{port}", "bare:app"]


def _plimsoll(script: Path) -> Callable[[int], list[str]]:
    return lambda port: ["-m", "plimsoll", "--entry-script", str(script), "--port", str(port)]


@contextlib.contextmanager
def _server(arguments: Callable[[int], list[str]]) -> Iterator[tuple[psutil.Process, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, *arguments(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_ready(port)
        yield psutil.Process(process.pid), port
    finally:
        process.terminate()
        process.wait()


def _wait_ready(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready"):
            return
        time.sleep(0.05)
    raise SystemExit("the server did not start")


def _cost_us(server: psutil.Process, port: int, options: argparse.Namespace) -> float:
    tree = [server.pid, *(child.pid for child in server.children(recursive=True))]
    before_ns = _cpu_ns(tree)
    output = subprocess.run(
        ["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}", "-s", HERE / "echo.lua", _url(port)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    used_ns = _cpu_ns(tree) - before_ns
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"requests failed:\n{output}")
    requests = int(re.search(r"(\d+) requests in", output)[1])  # type: ignore[index]
    return used_ns / requests / 1e3


def _cpu_ns(pids: list[int]) -> int:
    return sum(process_cpu_ns(pid) or 0 for pid in pids)


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/score"


def _print_memory(server: psutil.Process) -> None:
    (front,) = [child for child in server.children() if child.name() != GUARDIAN]
    (worker,) = front.children()
    for name, process in (("front", front), ("worker", worker)):
        print(f"{name}: {process.memory_full_info().pss / 1e6:.1f} MB PSS")


if __name__ == "__main__":
    main()
