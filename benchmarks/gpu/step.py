"""One step, in a process of its own: ``python -m benchmarks.gpu.step NAME DEVICE FOLDER FACTS``. Says JSON lines.

FACTS is a file with what earlier steps found out. Ends with SystemExit on SIGTERM, so that servers end with it.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.gpu.claims import STEPS
from benchmarks.gpu.stage import Stage
from plimsoll.host.children import terminable


def main(name: str, device: str, folder: str, facts: str) -> None:
    step = next(step for step in STEPS if step.name == name)
    stage = Stage(step, device, Path(folder), json.loads(Path(facts).read_text()))
    with terminable():
        import_module(f"benchmarks.gpu.steps.{name}").run(stage)


if __name__ == "__main__":
    main(*sys.argv[1:])
