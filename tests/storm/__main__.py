"""``make soak``: rounds of every shape in turn, until so many requests were sent or so much time has passed."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from storm.report import Progress, table
from storm.round import Extent, Result, play
from storm.shapes import SHAPES, Shape


def main() -> int:
    given = _arguments()
    sys.stderr.write(f"seed {given.seed}\n")
    shapes = [_shape(shape, given.fault) for shape in SHAPES if given.only is None or shape.name in given.only]
    ends_at = time.monotonic() + given.seconds
    results: list[Result] = []
    while sum(one.started for one in results) < given.requests and time.monotonic() < ends_at:
        shape, number = shapes[len(results) % len(shapes)], len(results)
        results.append(_one(shape, f"{given.seed}.{number}", given.round, ends_at - time.monotonic()))
    print(table(results))
    return 1 if any(one.complaints for one in results) else 0


def _shape(shape: Shape, names: list[str] | None) -> Shape:
    """With the faults of these names only."""
    if names is None:
        return shape
    return replace(shape, faults={name: fault for name, fault in shape.faults.items() if name in names})


def _one(shape: Shape, seed: str, most: int, seconds: float) -> Result:
    with tempfile.TemporaryDirectory(prefix="plimsoll-storm-") as folder:
        result = play(shape, seed, Path(folder), Extent(most, seconds), Progress())
    verdict = "".join(f"\n    {complaint}" for complaint in result.complaints) or " nothing to complain of"
    sys.stderr.write(f"{shape.name}, seed {seed}: {result.started} requests in {result.seconds:.0f} s:{verdict}\n")
    return result


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="how many at least (10^6)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long, whatever was sent")
    parser.add_argument("--round", type=int, default=50_000, help="requests per round (50,000)")
    parser.add_argument("--seed", default=str(random.randrange(10**6)), help="of a run to be repeated")
    parser.add_argument("--only", action="append", help=f"shapes: {', '.join(shape.name for shape in SHAPES)}")
    parser.add_argument("--fault", action="append", help="only this one, and others given so")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
