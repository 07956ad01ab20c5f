"""Where things lie: all that a run makes goes below `build/bench`, but for its two results in `docs`."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build" / "bench"
ENVIRONMENTS = BUILD / "environments"
PEERS = BUILD / "peers"
LOGS = BUILD / "logs"
DIGITS = BUILD / "digits"
MODEL = DIGITS / "model"
REQUESTS = DIGITS / "requests.txt"
PREDICTIONS = DIGITS / "predictions.json"
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "benchmarks.svg"
RECORD = ROOT / "docs" / "benchmarks.json"
