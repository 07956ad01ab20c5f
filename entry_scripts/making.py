"""What the makers of the example models share: the digits, their request file, and not doing work twice."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

SEED = 7
# Most callers send one digit, some a handful, a few a page of them.
DIGITS_PER_ROW = (1, 1, 1, 2, 1, 1, 4, 1, 1, 16)


def make(maker: str, packages: list[str], build: Callable[[Path], list[str]]) -> None:
    """Runs `build` on the folder of the command line, unless the folder holds what this maker would write."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {maker} OUTPUT_FOLDER")
    out = Path(sys.argv[1])
    stamp, wanted = out / ".made.json", _fingerprint(maker, packages)
    if _is_current(stamp, wanted):
        print(f"{out} is up to date")
        return
    shutil.rmtree(out / "model", ignore_errors=True)
    shutil.rmtree(out / "requests", ignore_errors=True)
    (out / "model").mkdir(parents=True)
    stamp.unlink(missing_ok=True)
    written = build(out)
    # Last, so that a maker that was interrupted starts again.
    stamp.write_text(json.dumps({"fingerprint": wanted, "written": written}))
    print("\n".join(f"wrote {out / name}" for name in written))


def trained_digits() -> tuple[Any, Any, Any]:
    """A small classifier of handwritten digits (64 grey values, 0 to 16), and the digits it has not seen."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    digits, labels = load_digits(return_X_y=True)
    train, held_out, train_labels, held_out_labels = train_test_split(
        digits, labels, test_size=0.25, random_state=SEED, stratify=labels
    )
    model = make_pipeline(StandardScaler(), MLPClassifier((64,), max_iter=400, random_state=SEED))
    model.fit(train, train_labels)
    print(f"held-out accuracy: {model.score(held_out, held_out_labels):.3f} on {len(held_out)} digits")
    return model, held_out, held_out_labels


def write_requests(out: Path, digits: Any, labels: Any) -> list[str]:
    """`requests.txt`, one JSON body per line, and `expected.txt` with the labels of each line."""
    rows = list(_rows(len(digits)))
    _write_lines(out / "requests.txt", [{"data": digits[row].tolist()} for row in rows])
    _write_lines(out / "expected.txt", [labels[row].tolist() for row in rows])
    return ["requests.txt", "expected.txt"]


def _rows(count: int) -> Iterator[slice]:
    start, row = 0, 0
    while start < count:
        end = min(start + DIGITS_PER_ROW[row % len(DIGITS_PER_ROW)], count)
        yield slice(start, end)
        start, row = end, row + 1


def _write_lines(path: Path, values: list[Any]) -> None:
    path.write_text("".join(f"{json.dumps(value)}\n" for value in values))


def _fingerprint(maker: str, packages: list[str]) -> str:
    digest = hashlib.sha256(Path(maker).read_bytes() + Path(__file__).read_bytes())
    for package in packages:
        digest.update(f"{package} {version(package)}\n".encode())
    return digest.hexdigest()


def _is_current(stamp: Path, wanted: str) -> bool:
    if not stamp.is_file():
        return False
    made = json.loads(stamp.read_text())
    return made["fingerprint"] == wanted and all((stamp.parent / name).exists() for name in made["written"])
