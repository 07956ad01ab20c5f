"""What lies below the folder of --collect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def files(folder: Path, collection: str) -> list[Path]:
    return sorted(folder.glob(f"*/*/{collection}/*/*/*/*/*.jsonl"))


def events(folder: Path, collection: str) -> list[dict[str, Any]]:
    """In the order of the files; every line must be one."""
    return [json.loads(line) for file in files(folder, collection) for line in file.read_bytes().splitlines()]
