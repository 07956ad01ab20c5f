"""The command line: which peers and workloads, how often, how long, and how quiet the machine must be."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.folders import BUILD, PAGE
from benchmarks.measure.gate import Gate
from benchmarks.peers.peer import Peer
from benchmarks.peers.registry import BY_NAME as PEERS
from benchmarks.workloads import BY_NAME as WORKLOADS
from benchmarks.workloads import Workload

_One = TypeVar("_One", Peer, Workload)


@dataclass(frozen=True, slots=True)
class Options:
    """`check`: answers only, no figures. `output` is the folder of the page, the picture and the record."""

    peers: tuple[Peer, ...]
    workloads: tuple[Workload, ...]
    rounds: int
    seconds: int
    gate: Gate
    output: Path
    check: bool


def read_options(arguments: Sequence[str] | None = None) -> Options:
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        peers = _chosen(PEERS, given.peers, given.all)
        workloads = _chosen(WORKLOADS, given.workloads, given.all)
    except KeyError as unknown:
        parser.error(f"there is no {unknown}; peers: {', '.join(PEERS)}; workloads: {', '.join(WORKLOADS)}")
    gate = Gate(given.most_disturbance / 100, given.attempts, given.patience)
    rounds = 1 if given.check else given.rounds
    # A part of the figures does not replace the whole ones in the documentation.
    output = given.output or (BUILD / "results" if given.peers or given.workloads else PAGE.parent)
    return Options(peers, workloads, rounds, given.seconds, gate, output.resolve(), given.check)


def _chosen(known: Mapping[str, _One], names: str | None, everything: bool) -> tuple[_One, ...]:
    if names:
        return tuple(known[name] for name in names.split(","))
    return tuple(one for one in known.values() if everything or one.in_short_run)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--all", action="store_true", help="every peer and workload [default: the short run's]")
    parser.add_argument("--peers", metavar="A,B", help=f"some of {', '.join(PEERS)}")
    parser.add_argument("--workloads", metavar="A,B", help=f"some of {', '.join(WORKLOADS)}")
    parser.add_argument("--check", action="store_true", help="only see whether all start and answer right; no figures")
    parser.add_argument("--rounds", type=int, default=3, help="visits to each peer, by turns [default: 3]")
    parser.add_argument("--seconds", type=int, default=3, help="length of each load [default: 3]")
    parser.add_argument(
        "--most-disturbance",
        type=float,
        default=3.0,
        metavar="PERCENT",
        help="share of the machine that others may use before a figure is taken again [default: 3]",
    )
    parser.add_argument("--attempts", type=int, default=3, help="times that a figure is taken at most [default: 3]")
    parser.add_argument(
        "--patience", type=float, default=10.0, metavar="S", help="longest wait for a quiet machine [default: 10 s]"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="[default: docs; build/bench/results for a choice of the above]"
    )
    return parser
