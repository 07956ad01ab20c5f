"""The file that collected records are written to."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from plimsoll.server.collection.files import CollectionFile


def test_a_folder_that_is_removed_is_made_again(tmp_path: Path) -> None:
    file = CollectionFile(tmp_path / "request", "host", 1000)
    file.write(b"1\n", 0.0)
    shutil.rmtree(tmp_path / "request")
    file.write(b"2\n", 0.0)
    file.close()
    (found,) = tmp_path.rglob("*.jsonl")
    assert found.read_bytes() == b"2\n"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.jsonl"))


@pytest.mark.parametrize("at_s", [0.0, 3600.0])
def test_numbers_have_no_gaps_after_files_that_could_not_be_opened(tmp_path: Path, at_s: float) -> None:
    """In the same hour, and where the next has begun meanwhile."""
    root = tmp_path / "request"
    file = CollectionFile(root, "host", 1)
    file.write(b"1\n", 0.0)
    shutil.rmtree(root)
    root.write_text("in the way")
    for _ in range(3):
        with pytest.raises(NotADirectoryError):
            file.write(b"2\n", at_s)
    root.unlink()
    file.write(b"3\n", at_s)
    file.write(b"4\n", at_s)
    file.close()
    assert names(root) == (["host.jsonl", "host_1.jsonl"] if at_s else ["host_1.jsonl", "host_2.jsonl"])


def test_a_clock_that_goes_back_adds_to_what_is_there(tmp_path: Path) -> None:
    file = CollectionFile(tmp_path, "host", 4)
    for at_s in (0.0, 3600.0, 0.0, 0.0, 0.0):
        file.write(b"1\n", at_s)
    file.close()
    assert names(tmp_path) == ["host.jsonl", "host.jsonl", "host_1.jsonl"]
    assert sum(path.read_bytes().count(b"\n") for path in tmp_path.rglob("*.jsonl")) == 5
