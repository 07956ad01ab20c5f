"""`plimsoll collect export`: records as Parquet, and what is said where that is not possible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet

from plimsoll.entry.collection.events import Events, ids_of, quoted, small_data


def collect(*arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    program = f"import sys; sys.modules[{without!r}] = None; " if without else "import sys; "
    program += "sys.argv = ['plimsoll', 'collect', *sys.argv[1:]]; from plimsoll.__main__ import main; main()"
    return subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False)


def records(folder: Path) -> Path:
    for name in ("request", "response"):
        events = Events(name, "/source", "host")
        path = folder / "a" / "b" / name / "2026" / "11" / "22" / "20" / "host.jsonl"
        path.parent.mkdir(parents=True)
        more = b',"status":200' if name == "response" else b""
        bodies = [(b'{"a": [1]}', "application/json"), (b"text", "text/plain"), (b"\xff", "image/png")]
        lines = [events.line(1.0, ids_of(quoted("r"), quoted("r")), more, small_data(*one)) for one in bodies]
        path.write_bytes(b"".join(lines) + b'{"torn')
    return folder


def test_a_row_for_each_record(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    done = collect("export", str(records(tmp_path / "in")), str(out))
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 records of 2 files" in done.stdout
    assert "2 lines are no records" in done.stdout
    found = pyarrow.parquet.read_table(out).to_pylist()
    assert [row["collection"] for row in found] == ["request"] * 3 + ["response"] * 3
    assert [(row["data"], row["data_binary"]) for row in found[:3]] == [
        ('{"a": [1]}', None),
        ("text", None),
        (None, b"\xff"),
    ]
    assert {(row["xrequestid"], row["status"]) for row in found[3:]} == {("r", 200)}


def test_one_collection(tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    assert collect("export", str(records(tmp_path / "in")), str(out), "--collection", "response").returncode == 0
    assert pyarrow.parquet.read_table(out).num_rows == 3


def test_without_pyarrow(tmp_path: Path) -> None:
    done = collect("export", str(records(tmp_path / "in")), str(tmp_path / "out"), without="pyarrow")
    assert done.returncode == 1
    assert "pip install 'plimsoll-runtime[parquet]'" in done.stderr


def test_without_records_or_a_place_to_write(tmp_path: Path) -> None:
    done = collect("export", str(tmp_path / "nowhere"), str(tmp_path / "out"))
    assert (done.returncode, "holds no collected records" in done.stderr) == (1, True)
    done = collect("export", str(records(tmp_path / "in")), str(tmp_path / "no" / "out"))
    assert (done.returncode, "cannot be exported" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr


def test_what_a_table_cannot_hold_is_left_out_and_counted(tmp_path: Path) -> None:
    path = records(tmp_path / "in") / "more.jsonl"
    path.write_bytes(b'{"type": "a", "data": "\\ud800"}\n{"type": "a", "status": "x"}\n{"type": "a", "status": 1e9}\n')
    done = collect("export", str(tmp_path / "in"), str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "6 records of 3 files" in done.stdout
