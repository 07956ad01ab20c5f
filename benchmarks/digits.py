"""The digits model, made once, and what it predicts for its requests: the labels of the data set are not what it says.

python -m benchmarks.digits writes the predictions.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

from benchmarks.folders import DIGITS, MODEL, PREDICTIONS, REQUESTS, ROOT
from benchmarks.served import work


def make() -> None:
    """In processes of their own: what they load would be mapped here, beside the servers."""
    if PREDICTIONS.exists():
        return
    maker = ROOT / "entry_scripts" / "onnx" / "make_model.py"
    subprocess.run([sys.executable, maker, DIGITS], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, "-m", __name__], check=True, env=os.environ | {"BENCH_MODEL": str(MODEL)}, cwd=ROOT)


def rows(number: int) -> list[list[float]]:
    """Of the request of that number; the first has one row, a few have more."""
    found: list[list[float]] = json.loads(REQUESTS.read_text().splitlines()[number])["data"]
    return found


def predictions(number: int) -> list[int]:
    found: list[int] = json.loads(PREDICTIONS.read_text())[number]
    return found


if __name__ == "__main__":
    model = work.load("digits")
    count = len(REQUESTS.read_text().splitlines())
    PREDICTIONS.write_text(json.dumps([model(rows(number))["predictions"] for number in range(count)]))
