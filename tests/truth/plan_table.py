"""The table of docs/plan.md: ``make truth-plan``, or in tests ``PYTHONPATH=.:truth python -m plan_table --help``.

One to three replicas behind HAProxy, at 40, 60 and 80 % of what they can do, under even and bursty traffic: p95 and
throughput as `plimsoll plan` foretells them and as they were.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from pathlib import Path

from truth_fleet import Found, Passage, Trace, capacity_rps, fleet, found, planned, profiled, sent, trace

_ATTEMPTS = 3
"""That a passage gets which was disturbed."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A line of the table: so many replicas, at this share of what they can do."""

    count: int
    load: float
    kind: str

    def trace(self, capacity: float, seconds: float, seed: int) -> Trace:
        return trace(self.load * capacity * self.count, self.kind, seconds, seed)


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, _end_all)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        profile = options.profile or profiled(folder / "profile", options.budget)
        capacity = capacity_rps(profile)
        print(f"one replica answers {capacity:.1f} requests/s at most")
        passages = _measured(options, folder, capacity)
        print(_HEAD)
        for cell, some in sorted(passages.items()):
            plan = cell.trace(capacity, options.seconds, options.seed)
            print(_row(cell, planned(profile, plan, cell.count, folder), some), flush=True)


def _measured(options: argparse.Namespace, folder: Path, capacity: float) -> dict[Cell, list[Passage]]:
    """All numbers of replicas at once, each with a load of its own: together they take less than one of two cores."""
    with ProcessPoolExecutor(
        len(options.replicas), get_context("spawn"), signal.signal, (signal.SIGTERM, _end)
    ) as pool:
        parts = [pool.submit(_rounds, options, folder, capacity, count) for count in options.replicas]
        return {cell: some for part in parts for cell, some in part.result().items()}


def _rounds(options: argparse.Namespace, folder: Path, capacity: float, count: int) -> dict[Cell, list[Passage]]:
    """Round by round, so that whatever disturbs a while disturbs every cell."""
    passages: dict[Cell, list[Passage]] = {}
    own = folder / str(count)
    own.mkdir()
    with fleet(own, count) as port:
        for number in range(options.rounds):
            for cell in _cells(count, options.loads):
                passage = _undisturbed(port, cell.trace(capacity, options.seconds, options.seed + number))
                passages.setdefault(cell, []).append(passage)
                _say(f"{cell}: p95 {found([passage]).p95_s * 1e3:.1f} ms{' (disturbed)' * passage.disturbed}")
    return passages


def _undisturbed(port: int, plan: Trace) -> Passage:
    for _ in range(_ATTEMPTS):
        passage = sent(port, plan)
        if not passage.disturbed:
            break
    return passage


def _end_all(number: int, frame: object) -> None:
    """With the replicas, which the others have started."""
    for process in active_children():
        process.terminate()
    _end(number, frame)


def _end(number: int, frame: object) -> None:
    sys.exit(128 + number)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _cells(count: int, loads: list[float]) -> Iterator[Cell]:
    return (Cell(count, load, kind) for load in loads for kind in ("poisson", "bursty"))


_HEAD = (
    "| replicas | load | traffic | p95 planned | p95 measured | error | throughput planned | measured | error |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def _row(cell: Cell, plan: Found, passages: list[Passage]) -> str:
    real = found(passages)
    disturbed = " (disturbed)" if any(one.disturbed for one in passages) else ""
    p95, throughput = plan.p95_s / real.p95_s - 1, plan.throughput_rps / real.throughput_rps - 1
    return (
        f"| {cell.count} | {cell.load:.0%} | {cell.kind}{disturbed}"
        f" | {plan.p95_s * 1e3:.1f} ms | {real.p95_s * 1e3:.1f} ms | {p95:+.0%}"
        f" | {plan.throughput_rps:.1f}/s | {real.throughput_rps:.1f}/s | {throughput:+.1%} |"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m plan_table", description=__doc__)
    parser.add_argument("--profile", type=Path, help="of the same model [default: it is profiled first]")
    parser.add_argument("--budget", type=float, default=180.0, metavar="S", help="of the profile [default: 180]")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 3], metavar="N")
    parser.add_argument("--loads", type=float, nargs="+", default=[0.4, 0.6, 0.8], metavar="SHARE")
    parser.add_argument("--seconds", type=float, default=60.0, help="of a cell, in each round [default: 60]")
    parser.add_argument("--rounds", type=int, default=3, help="[default: 3]")
    parser.add_argument("--seed", type=int, default=1, help="[default: 1]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
