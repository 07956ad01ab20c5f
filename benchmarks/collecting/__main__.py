"""The digits model with and without --collect, by turns: CPU per request of the whole tree, and requests per second.

python -m benchmarks.collecting [--rounds 3] [--seconds 10] [--connections 32]
python -m benchmarks.collecting --records 1000000    counts what lies in the files when so many have been answered
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import digits
from benchmarks.answers import verify
from benchmarks.folders import PEERS
from benchmarks.load import wrk
from benchmarks.measure.accounts import Accounts
from benchmarks.measure.environment import install
from benchmarks.measure.server import Server, free_ports
from benchmarks.peers.peer import Site, Start
from benchmarks.peers.plimsoll import Plimsoll
from benchmarks.workloads import BY_NAME, Workload

_WARM_UP_S = 2


class Collecting(Plimsoll):
    """Plimsoll with more flags."""

    def __init__(self, flags: list[str]) -> None:
        self._flags = flags

    @property
    def home(self) -> Path:
        return Plimsoll().home

    def start(self, site: Site, workload: Workload) -> Start:
        start = super().start(site, workload)
        return replace(start, arguments=[*start.arguments, *self._flags])


@dataclass(frozen=True, slots=True)
class Turn:
    """CPU in microseconds per request; `others` is the share of the machine that neither server nor client had."""

    cpu_us: float
    per_second: float
    others: float

    def __str__(self) -> str:
        return f"{self.cpu_us:7.1f} µs  {self.per_second:7.0f}/s  others {self.others:4.0%}"


def main() -> None:
    options = _options()
    digits.make()
    if options.records:
        _count(options.records, options.connections)
    else:
        _compare(options)


def _compare(options: argparse.Namespace) -> None:
    turns: dict[str, list[Turn]] = {"off": [], "on": []}
    for number in range(options.rounds):
        # The order changes: what warms the machine up must not always help the same one.
        for name in ("off", "on") if number % 2 == 0 else ("on", "off"):
            turn = _turn(name == "on", options)
            turns[name].append(turn)
            print(f"{name:3}  {turn}", flush=True)
    cpu = [on.cpu_us / off.cpu_us for off, on in zip(turns["off"], turns["on"], strict=True)]
    rate = [on.per_second / off.per_second for off, on in zip(turns["off"], turns["on"], strict=True)]
    print(f"CPU per request: {statistics.median(cpu):.3f} of that without {[round(one, 3) for one in cpu]}")
    print(f"requests per second: {statistics.median(rate):.3f} of those without {[round(one, 3) for one in rate]}")


def _turn(collects: bool, options: argparse.Namespace) -> Turn:
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder), collects) as server:
        verify(server)
        body = _body(server, Path(folder))
        wrk.run(server.site.port, "/score", body, "application/json", options.connections, _WARM_UP_S)
        accounts = Accounts(server.pid)
        found = wrk.run(server.site.port, "/score", body, "application/json", options.connections, options.seconds)
        usage = accounts.usage()
    return Turn(1e6 * usage.server_s / found.requests, found.requests / found.seconds, usage.disturbance)


def _served(folder: Path, collects: bool) -> Server:
    flags = ["--collect", str(folder / "collected")] if collects else []
    peer, (port,) = Collecting(flags), free_ports(1)
    (PEERS / peer.name).mkdir(parents=True, exist_ok=True)
    server = Server(peer, Site(install(peer), PEERS / peer.name, port, ()), BY_NAME["digits"])
    server.wait_answer("POST", "/score", peer.body(server.workload, server.workload.payload(0)))
    return server


def _body(server: Server, folder: Path) -> Path:
    body = folder / "body"
    body.write_bytes(server.peer.body(server.workload, server.workload.payload(0)))
    return body


def _count(records: int, connections: int) -> None:
    """Answers, lines and ids of requests and responses, at the end of a server that has just been under load."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _served(folder, collects=True) as server:
            _load(server, folder, records // 2, connections)
            answered = _answered(server)
            server.end()
        requests, responses = (_ids(folder / "collected", name) for name in ("request", "response"))
        print(f"{answered} answers, {len(requests)} requests and {len(responses)} responses collected")
        if not len(requests) == len(responses) == answered or requests != responses:
            raise SystemExit("they differ")
        shutil.rmtree(folder / "collected")


def _load(server: Server, folder: Path, requests: int, connections: int) -> None:
    body = _body(server, folder)
    while _answered(server) < requests:
        wrk.run(server.site.port, "/score", body, "application/json", connections, 10)


def _answered(server: Server) -> int:
    """By the server's own count: wrk leaves out what is answered after its time."""
    text = server.request("GET", "/metrics", None).body.decode()
    found = (line for line in text.splitlines() if line.startswith("plimsoll_requests_total{") and '"/score"' in line)
    return sum(int(float(line.rpartition(" ")[2])) for line in found)


def _ids(folder: Path, collection: str) -> set[str]:
    """Raises where an id is there twice."""
    ids: set[str] = set()
    for file in folder.rglob(f"{collection}/**/*.jsonl"):
        for line in file.read_bytes().splitlines():
            found = json.loads(line)["xrequestid"]
            if found in ids:
                raise SystemExit(f"{found} is in {collection} twice")
            ids.add(found)
    return ids


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.collecting", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--records", type=int, default=0, help="count requests and answers instead, so many in all")
    return parser.parse_args()


if __name__ == "__main__":
    main()
