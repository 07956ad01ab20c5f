"""The file that collected records are written to."""

from __future__ import annotations

import shutil
from pathlib import Path

from plimsoll.server.collection.files import CollectionFile


def test_a_folder_that_is_removed_is_made_again(tmp_path: Path) -> None:
    file = CollectionFile(tmp_path / "request", "host", 1000)
    file.write(b"1\n", 0.0)
    shutil.rmtree(tmp_path / "request")
    file.write(b"2\n", 0.0)
    file.close()
    (found,) = tmp_path.rglob("*.jsonl")
    assert found.read_bytes() == b"2\n"
