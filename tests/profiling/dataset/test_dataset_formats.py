"""Envelopes, archives, Parquet, stdin, numbers, and samples of what is too big."""

from __future__ import annotations

import base64
import builtins
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.errors import DatasetError, UsageError
from plimsoll.profiling.dataset.load import STDIN, Format, load_dataset, parse_format
from plimsoll.profiling.dataset.rows import Row
from plimsoll.profiling.dataset.sampling import Sampler
from plimsoll.profiling.load.requests import read_spool, serialise, spooled


def envelopes(folder: Path, *values: Any, kind: Format | None = "envelope", name: str = "d.jsonl") -> tuple[Row, ...]:
    path = folder / name
    path.write_text("\n".join(value if isinstance(value, str) else json.dumps(value) for value in values))
    return load_dataset(path, None, kind).rows


def test_an_envelope_with_everything(tmp_path: Path) -> None:
    value = {
        "body": "hello",
        "headers": {"X-Key": "k", "content-type": "text/csv"},
        "method": "PUT",
        "path": "/score?x=1",
        "expect": {"status": 404},
    }
    (row,) = envelopes(tmp_path, value)
    assert row == Row(1, b"hello", "text/csv", None, (("X-Key", "k"),), "PUT", "/score?x=1", 404)
    head, _, body = serialise(row, "127.0.0.1", 80, "/other").partition(b"\r\n\r\n")
    assert body == b"hello"
    assert head.split(b"\r\n") == [
        b"PUT /score?x=1 HTTP/1.1", b"host: 127.0.0.1:80", b"user-agent: plimsoll-profile", b"accept: */*",
        b"content-type: text/csv", b"content-length: 5", b"X-Key: k",
    ]  # fmt: skip


def test_bodies_of_envelopes(tmp_path: Path) -> None:
    picture = base64.b64encode(b"\xff\xd8").decode()
    rows = envelopes(tmp_path, {"body": {"a": "ü"}}, {"body_b64": picture}, {"method": "GET", "path": "/score?a=1"})
    assert [(row.body, row.content_type) for row in rows[:2]] == [
        ('{"a": "ü"}'.encode(), "application/json"),
        (b"\xff\xd8", "application/octet-stream"),
    ]
    assert b"content-length" not in serialise(rows[2], "h", 1, "/")


def test_lines_are_envelopes_only_where_all_look_like_one(tmp_path: Path) -> None:
    good, other = {"body": "x"}, {"body": "x", "subject": "a mail"}
    assert [row.body for row in envelopes(tmp_path, good, good, kind=None)] == [b"x", b"x"]
    assert [row.body for row in envelopes(tmp_path, good, other, kind=None)] == [
        b'{"body": "x"}',
        json.dumps(other).encode(),
    ]
    assert [row.body for row in envelopes(tmp_path, good, kind="lines")] == [b'{"body": "x"}']
    assert "read as envelopes" in load_dataset(tmp_path / "d.jsonl").warnings[0]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[1]", "line 2: not an object"),
        ("{", "line 2: not JSON"),
        ({"body": "x", "boddy": 1}, "line 2: unknown key 'boddy'"),
        ({"body": "x", "body_b64": "eA=="}, "exclude each other"),
        ({"body_b64": "x"}, "body_b64 is not base64"),
        ({"body_b64": 3}, "body_b64 is not base64"),
        ({"body": "\ud800"}, "half a character"),
        ({"body": "x", "headers": []}, "headers is not an object"),
        ({"body": "x", "headers": {"a b": "c"}}, "header 'a b' cannot be sent"),
        ({"body": "x", "headers": {"a": "c\r\nd: e"}}, "header 'a' cannot be sent"),
        ({"body": "x", "headers": {"a": 1}}, "header 'a' cannot be sent"),
        ({"body": "x", "headers": {"Host": "x"}}, "is set by the load driver"),
        ({"body": "x", "method": "HEAD"}, "method 'HEAD' is not one of"),
        ({"body": "x", "path": "score"}, "path 'score' does not begin with /"),
        ({"body": "x", "path": "/a b"}, "holds blanks"),
        ({"body": "x", "expect": 200}, "expect is not"),
        ({"body": "x", "expect": {"status": True}}, "expect is not"),
        ({"body": "x", "expect": {"json": {}}}, "expect is not"),
    ],
)
def test_envelopes_that_cannot_be_sent_name_their_line(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(DatasetError, match=r"d\.jsonl, line 2: ") as failed:
        envelopes(tmp_path, {"body": "x"}, value)
    assert message in str(failed.value)


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


def test_an_archive_is_like_a_folder(tmp_path: Path) -> None:
    files = {"b/2.jpg": b"\xff\xd8", "a.json": b"{}", ".hidden": b"x", "__MACOSX/a.json": b"x", "empty/": b""}
    rows = load_dataset(archive(tmp_path / "d.zip", files)).rows
    assert [(row.number, row.name, row.body, row.content_type) for row in rows] == [
        (1, "a.json", b"{}", "application/json"),
        (2, "b/2.jpg", b"\xff\xd8", "image/jpeg"),
    ]


def test_broken_archives(tmp_path: Path) -> None:
    (tmp_path / "d.zip").write_bytes(b"PK nothing")
    with pytest.raises(DatasetError, match=r"d\.zip: cannot be unpacked"):
        load_dataset(tmp_path / "d.zip")
    whole = archive(tmp_path / "e.zip", {"a": b"abc" * 1000}).read_bytes()
    (tmp_path / "e.zip").write_bytes(whole.replace(whole[35:40], b"\0\0\0\0\0", 1))
    with pytest.raises(DatasetError, match=r"e\.zip: cannot be unpacked"):
        load_dataset(tmp_path / "e.zip")


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    (tmp_path / "d.parquet").write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match=r"needs pyarrow.*plimsoll-runtime\[parquet\]"):
        load_dataset(tmp_path / "d.parquet")
    with pytest.raises(DatasetError, match="no such file"):
        load_dataset(tmp_path / "gone.parquet")


def test_parquet_with_pyarrow(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    def rows_of(columns: dict[str, list[Any]]) -> tuple[Row, ...]:
        parquet.write_table(pyarrow.table(columns), tmp_path / "d.parquet")
        return load_dataset(tmp_path / "d.parquet").rows

    text = rows_of({"body": ["[1]", None, "", "x"]})
    assert [(row.number, row.body, row.content_type.split(";")[0]) for row in text] == [
        (1, b"[1]", "application/json"),
        (4, b"x", "text/plain"),
    ]
    assert rows_of({"body": [b"\xff"]})[0].content_type == "application/octet-stream"
    with pytest.raises(DatasetError, match="2 columns"):
        rows_of({"a": ["x"], "b": ["y"]})
    with pytest.raises(DatasetError, match="row 1: int"):
        rows_of({"a": [1]})
    (tmp_path / "d.parquet").write_bytes(b"no parquet")
    with pytest.raises(DatasetError, match="not Parquet"):
        load_dataset(tmp_path / "d.parquet")


def stdin_of(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin_of(monkeypatch, b"a\n\nb\n")
    assert [(row.number, row.body) for row in load_dataset(STDIN).rows] == [(1, b"a"), (3, b"b")]
    stdin_of(monkeypatch, b'head\n"a,b"\n')
    assert [row.body for row in load_dataset(STDIN, kind="csv").rows] == [b"a,b"]
    stdin_of(monkeypatch, b"a\xff")
    with pytest.raises(DatasetError, match="stdin, line 1: not UTF-8"):
        load_dataset(STDIN)
    with pytest.raises(DatasetError, match="stdin cannot be read as zip"):
        load_dataset(STDIN, kind="zip")


@pytest.mark.parametrize("name", ["d.txt", "d.csv"])
def test_files_of_numbers(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("1\n-2.5\n3e4\n")
    rows = load_dataset(tmp_path / name).rows
    assert [(row.body, row.content_type) for row in rows] == [
        (body, "application/json") for body in (b"1", b"-2.5", b"3e4")
    ]


def test_a_sample_covers_all_sizes_and_keeps_the_numbers(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("".join("x" * size + "\n" for size in range(1, 101)))
    dataset = load_dataset(tmp_path / "d.txt", most_rows=10)
    numbers = [row.number for row in dataset.rows]
    assert len(numbers) == 10
    assert numbers == sorted(numbers)
    assert 100 in numbers
    assert all(any(low <= number < low + 25 for number in numbers) for low in (1, 26, 51, 76))
    assert dataset.warnings == ("10 of 100 rows were taken, spread evenly over the sizes of the bodies",)


def test_files_that_are_not_taken_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in range(1, 11):
        (tmp_path / f"{size:02}.bin").write_bytes(b"x" * size * 1000)
    read: list[str] = []
    whole = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path.name), whole(path))[1])
    dataset = load_dataset(tmp_path, most_bytes=16_000)
    assert builtins.sum(len(row.body) for row in dataset.rows) <= 16_000
    assert sorted(read) == [row.name for row in dataset.rows]


LOAD = """
import resource, sys
from pathlib import Path
from plimsoll.profiling.dataset.load import load_dataset
before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
dataset = load_dataset(Path(sys.argv[1]), kind=sys.argv[2], most_bytes=1_000_000)
print(len(dataset.rows), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb)
"""


@pytest.mark.parametrize(("kind", "line"), [("lines", "{}"), ("csv", '"{}"'), ("envelope", '{{"body": "{}"}}')])
@pytest.mark.parametrize("piped", [False, True])
def test_what_is_not_taken_takes_no_memory(tmp_path: Path, kind: str, line: str, piped: bool) -> None:
    path = tmp_path / "d.txt"
    path.write_text((line.format("x" * 10_000) + "\n") * 6000)
    arguments = [sys.executable, "-c", LOAD, "-" if piped else str(path), kind]
    with path.open() as file:
        done = subprocess.run(arguments, stdin=file if piped else None, capture_output=True, text=True, check=True)
    rows, more_kb = map(int, done.stdout.split())
    assert rows == 100
    assert more_kb < 20_000, "of 60 MB"


def test_a_pipe_that_has_a_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    thread = threading.Thread(target=lambda: (tmp_path / "pipe").write_text("a\nb\n"))
    thread.start()
    assert [row.body for row in load_dataset(tmp_path / "pipe", kind="lines").rows] == [b"a", b"b"]
    thread.join()


@given(sizes=st.lists(st.integers(0, 50), min_size=1), rows=st.integers(1, 20), size_bytes=st.integers(1, 200))
def test_a_sample_is_within_its_limits_and_holds_the_biggest(sizes: list[int], rows: int, size_bytes: int) -> None:
    sampler = Sampler(rows, size_bytes)
    chosen = sampler.choose(sizes)
    assert chosen == sorted(set(chosen))
    assert 1 <= len(chosen) <= rows
    assert max(sizes) == max(sizes[index] for index in chosen)
    assert sum(sizes[index] for index in chosen) <= max(size_bytes, max(sizes))
    assert sampler.left_out == len(sizes) - len(chosen)


ROW = st.builds(
    Row,
    number=st.integers(1),
    body=st.binary(max_size=50),
    content_type=st.just("text/plain"),
    headers=st.lists(st.tuples(st.just("x-a"), st.text(st.characters(codec="latin-1"), max_size=5)), max_size=2).map(
        tuple
    ),
    method=st.sampled_from(["GET", "POST"]),
    path=st.none() | st.just("/score?a=b"),
    expected_status=st.none() | st.just(404),
)


@given(st.lists(ROW, max_size=5))
def test_the_driver_gets_the_same_rows(rows: list[Row]) -> None:
    with spooled(rows) as path:
        assert path.stat().st_mode & 0o077 == 0
        assert read_spool(path) == rows
    assert not path.exists()


def test_the_flag() -> None:
    assert parse_format(None) is None
    assert parse_format("envelope") == "envelope"
    with pytest.raises(UsageError, match="no such format"):
        parse_format("xml")
