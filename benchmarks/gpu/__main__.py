"""python -m benchmarks.gpu [--device cuda|cpu|stand-in] [--only STEP,…] [--seconds S] [--output DIR]

Exit code 0 only if every claim held, 1 if one did not or could not be tried, 3 without a GPU.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.gpu import page
from benchmarks.gpu.claims import MOST_S, STEPS
from benchmarks.gpu.proof import Proof
from benchmarks.gpu.rows import Row, exit_code

_MARKS = {True: "held", False: "NOT HELD", None: "not tried"}


def main() -> int:
    options = _options()
    steps = tuple(step for step in STEPS if not options.only or step.name in options.only.split(","))
    shown: set[str] = set()

    def write(proof: Proof) -> None:
        page.write(proof, options.output or page.home(proof))
        for name, rows in proof.found.items():
            if name not in shown:
                shown.add(name)
                print("\n".join(_said(row) for row in rows), flush=True)

    with tempfile.TemporaryDirectory(prefix="gpu-proof-", ignore_cleanup_errors=True) as folder:
        proof = Proof(options.device, steps, options.keep or Path(folder), options.seconds)
        proof.run(write)
    written = options.output or page.home(proof)
    print(f"{written / page.PAGE}, {written / page.RECORD}")
    return exit_code(proof.rows, on_gpu=not proof.no_gpu)


def _said(row: Row) -> str:
    figure = "" if row.figure is None else f" {row.figure:.4g} {row.claim.unit}".rstrip()
    return f"{_MARKS[row.held]:9} {row.claim.key}:{figure} ({row.claim.bound}) {row.why}"


def _folder(text: str) -> Path:
    """Absolute, as the steps run in folders of their own."""
    return Path(text).resolve()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="Tries what is claimed of GPUs.")
    names = [step.name for step in STEPS]
    parser.add_argument("--device", choices=("cuda", "cpu", "stand-in"), default="cuda", help="cpu is a rehearsal")
    parser.add_argument("--only", help=f"steps, with commas between them: {', '.join(names)}")
    parser.add_argument("--seconds", type=float, default=MOST_S, help=f"for all steps together [default: {MOST_S:g}]")
    parser.add_argument("--output", type=_folder, help="folder of the results [default: docs, of less build/gpu-proof]")
    parser.add_argument("--keep", type=_folder, help="folder for logs and profiles of the steps")
    options = parser.parse_args()
    unknown = set(filter(None, (options.only or "").split(","))) - set(names)
    if unknown:
        parser.error(f"no such step: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
