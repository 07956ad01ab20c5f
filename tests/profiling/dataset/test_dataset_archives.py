"""Folders and archives: the same files are the same rows either way, and what is damaged names its file."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plimsoll.errors import DatasetError
from plimsoll.profiling.dataset.formats import read_folder, read_zip
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.dataset.rows import Row
from plimsoll.profiling.dataset.sampling import Sampler

PART = st.text("abAB01-_ .~", min_size=1, max_size=4).filter(lambda part: not part.startswith(".") and part.strip())
FILES = st.dictionaries(st.lists(PART, min_size=1, max_size=3).map("/".join), st.binary(max_size=20), max_size=8)


def put(folder: Path, files: dict[str, bytes]) -> dict[str, bytes]:
    """What of it a file system takes: `a` and `a/b` exclude each other there."""
    taken = {}
    for name, data in files.items():
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
            taken[name] = data
        except OSError:
            continue
    return taken


def pack(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@settings(deadline=None, max_examples=60)
@given(files=FILES)
@example(files={"a/b": b"1", "a-b": b"2", "a b/c": b"3", "ab": b"4"})
def test_a_folder_and_its_archive_are_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    """Also in the same order: a row that failed is known by its number."""
    folder = tmp_path_factory.mktemp("same")
    (folder / "files").mkdir()
    taken = put(folder / "files", files)
    packed = pack(folder / "d.zip", dict(reversed(taken.items())))
    from_folder = read_folder(folder / "files", Sampler())
    assert read_zip(packed, Sampler()) == from_folder
    assert {row.name: row.body for row in from_folder} == taken
    assert [row.number for row in from_folder] == list(range(1, len(taken) + 1))


@settings(deadline=None, max_examples=30)
@given(files=FILES, rows=st.integers(1, 4), size_bytes=st.integers(1, 60))
def test_the_same_sample_is_taken_of_both(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], rows: int, size_bytes: int
) -> None:
    folder = tmp_path_factory.mktemp("sampled")
    (folder / "files").mkdir()
    packed = pack(folder / "d.zip", put(folder / "files", files))
    assert read_zip(packed, Sampler(rows, size_bytes)) == read_folder(folder / "files", Sampler(rows, size_bytes))


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=str
)
def test_every_way_to_pack_is_unpacked_and_damage_in_any_is_named(tmp_path: Path, method: int) -> None:
    content = bytes(range(256)) * 40
    packed = pack(tmp_path / "d.zip", {"a.bin": content}, method)
    assert read_zip(packed, Sampler()) == [Row(1, content, "application/octet-stream", "a.bin")]
    data = bytearray(packed.read_bytes())
    with zipfile.ZipFile(packed) as archive:
        begin = len("a.bin") + 30 + len(archive.infolist()[0].extra)
        size = archive.infolist()[0].compress_size
    for place in range(begin + size // 3, begin + size // 3 + 8):
        data[place] ^= 0xFF
    packed.write_bytes(bytes(data))
    with pytest.raises(DatasetError, match=r"d\.zip: cannot be unpacked"):
        load_dataset(packed)


@pytest.mark.parametrize(
    ("place", "value"), [(6, 0x01), (8, 0x63)], ids=["it is encrypted", "it is packed in a way that is not known"]
)
def test_what_cannot_be_unpacked_without_more_is_named(tmp_path: Path, place: int, value: int) -> None:
    """Fields of the headers as PKWARE's APPNOTE lays them out: the local one, and two bytes later the central one."""
    packed = pack(tmp_path / "d.zip", {"a.bin": b"abc" * 50})
    data = bytearray(packed.read_bytes())
    data[place] = value
    data[data.index(b"PK\x01\x02") + place + 2] = value
    packed.write_bytes(bytes(data))
    with pytest.raises(DatasetError, match=r"d\.zip: cannot be unpacked") as failed:
        load_dataset(packed)
    assert "\n" not in str(failed.value)


def test_an_archive_that_lies_about_its_size_takes_no_memory(tmp_path: Path) -> None:
    """10 MB of zeros whose central header says 10 bytes: never more than one byte beyond what it says is unpacked."""
    packed = pack(tmp_path / "d.zip", {"a.bin": b"\0" * 10_000_000})
    data = bytearray(packed.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 24 : central + 28] = (10).to_bytes(4, "little")
    packed.write_bytes(bytes(data))
    with pytest.raises(DatasetError, match="cannot be unpacked"):
        load_dataset(packed)


def test_an_archive_without_bodies(tmp_path: Path) -> None:
    for files in ({}, {".hidden": b"x", "__MACOSX/a": b"x", "empty/": b"", "a/.b/c": b"x"}):
        with pytest.raises(DatasetError, match=r"d\.zip: no rows"):
            load_dataset(pack(tmp_path / "d.zip", files))


def test_what_is_in_a_folder_and_no_file_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, {"a": b"1", "deep/er/b": b"2", ".git/config": b"x", "deep/.c": b"x"})
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    rows = load_dataset(tmp_path).rows
    assert [(row.name, row.body) for row in rows] == [("a", b"1"), ("deep/er/b", b"2"), ("link", b"1")]


def test_a_folder_whose_own_name_is_hidden_is_read(tmp_path: Path) -> None:
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "a.json").write_bytes(b"{}")
    assert [row.name for row in load_dataset(tmp_path / ".cache").rows] == ["a.json"]


@pytest.mark.parametrize("kind", ["zip", "parquet", "lines", "csv"])
def test_a_folder_is_no_file(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(DatasetError, match=str(tmp_path)):
        load_dataset(tmp_path, kind=kind)  # type: ignore[arg-type]


def test_an_empty_folder_has_no_rows(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no rows"):
        load_dataset(tmp_path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.json", "application/json"), ("a.jpeg", "image/jpeg"), ("a.PNG", "image/png"), ("a.csv", "text/csv"),
        ("a.txt", "text/plain"), ("a", "application/octet-stream"), ("a.unheard-of", "application/octet-stream"),
    ],
)  # fmt: skip
def test_a_files_name_says_its_type(tmp_path: Path, name: str, kind: str) -> None:
    """As IANA registers the types."""
    (tmp_path / name).write_bytes(b"[1]")
    assert [row.content_type for row in load_dataset(tmp_path).rows] == [kind]
    assert [row.content_type for row in load_dataset(tmp_path, "x/y").rows] == ["x/y"]
