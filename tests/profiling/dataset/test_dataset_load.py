"""Datasets: byte-exact rows, the numbers users know them by, and errors that name file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plimsoll.errors import DatasetError, UsageError
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.dataset.rows import JSON_TYPE, TEXT_TYPE, Row


def rows_of(path: Path, data: bytes, content_type: str | None = None) -> tuple[Row, ...]:
    path.write_bytes(data)
    return load_dataset(path, content_type).rows


def test_lines_keep_their_bytes_and_their_numbers(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "d.txt", b'{"a": 1}\n\n  \r\n\r\n "x"\t\n"quoted ""twice"""')
    assert [(row.number, row.body) for row in rows] == [
        (1, b'{"a": 1}'),
        (3, b"  "),
        (5, b' "x"\t'),
        (6, b'"quoted ""twice"""'),
    ]


LINE = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]))


@given(lines=st.lists(LINE), ending=st.sampled_from(["\n", "\r\n"]), last=st.booleans())
@example(lines=["", "a", ""], ending="\r\n", last=False)
def test_any_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], ending: str, last: bool
) -> None:
    path = tmp_path_factory.mktemp("lines") / "d.jsonl"
    path.write_bytes((ending.join(lines) + (ending if last else "")).encode())
    expected = [(number, line.encode()) for number, line in enumerate(lines, 1) if line]
    if expected and expected[0][0] == 1:
        expected[0] = (1, expected[0][1].removeprefix(b"\xef\xbb\xbf"))
        expected = [item for item in expected if item[1]]
    if not expected:
        with pytest.raises(DatasetError, match="no rows"):
            load_dataset(path)
    else:
        assert [(row.number, row.body) for row in load_dataset(path).rows] == expected


@pytest.mark.parametrize(
    ("body", "kind"), [(b"[1, 2]", JSON_TYPE), (b"3", JSON_TYPE), (b"hello", TEXT_TYPE), (b"  ", TEXT_TYPE)]
)
def test_the_content_type_follows_the_body(tmp_path: Path, body: bytes, kind: str) -> None:
    assert rows_of(tmp_path / "d.txt", body)[0].content_type == kind
    assert rows_of(tmp_path / "d.txt", body, "text/csv")[0].content_type == "text/csv"


def test_a_line_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"d\.txt, line 3: not UTF-8 \(byte 2 of the line\)"):
        rows_of(tmp_path / "d.txt", b"a\n\nb\xff\nc")


@pytest.mark.parametrize("data", [b"", b"\n\r\n\n"])
def test_an_empty_dataset(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(DatasetError, match=r"d\.txt: no rows"):
        rows_of(tmp_path / "d.txt", data)


def test_missing_and_unknown_files(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"gone\.txt: no such file"):
        load_dataset(tmp_path / "gone.txt")
    with pytest.raises(DatasetError, match=r"d\.xlsx: unknown kind"):
        rows_of(tmp_path / "d.xlsx", b"PK")


def test_csv_records_are_unquoted_and_numbered_by_their_first_line(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "d.csv", b'body\n"{""a"": 1}"\n\n"two\nlines"\n[1]\n'.replace(b"[1]", b'"[1, 2]"'))
    assert [(row.number, row.body) for row in rows] == [(2, b'{"a": 1}'), (4, b"two\nlines"), (6, b"[1, 2]")]


@pytest.mark.parametrize(
    ("data", "bodies"),
    [
        (b"request\n[1]\n", [b"[1]"]),
        (b"[1]\n[2]\n", [b"[1]", b"[2]"]),
        (b"yes\nno\n", [b"yes", b"no"]),
        (b"alone\n", [b"alone"]),
        (b"1\n2\n", [b"1", b"2"]),
    ],
)
def test_a_csv_header_is_a_bare_word_above_something_else(tmp_path: Path, data: bytes, bodies: list[bytes]) -> None:
    assert [row.body for row in rows_of(tmp_path / "d.csv", data)] == bodies


def test_csv_with_two_columns_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"d\.csv, line 3: 2 columns"):
        rows_of(tmp_path / "d.csv", b'body\n"a,b"\na,b\n')


def test_broken_csv_and_undecodable_csv_name_the_line(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"d\.csv, line 2: not CSV"):
        rows_of(tmp_path / "d.csv", b'body\n"open')
    with pytest.raises(DatasetError, match=r"d\.csv, line 2: not UTF-8"):
        rows_of(tmp_path / "d.csv", b"body\n\xff\n")


def test_a_folder_is_sorted_and_typed_by_extension(tmp_path: Path) -> None:
    for name, data in {"b.jpg": b"\xff\xd8", "a.png": b"\x89PNG", "c.weird": b"", ".hidden": b"x"}.items():
        (tmp_path / name).write_bytes(data)
    rows = load_dataset(tmp_path).rows
    assert [(row.number, row.name, row.body, row.content_type) for row in rows] == [
        (1, "a.png", b"\x89PNG", "image/png"),
        (2, "b.jpg", b"\xff\xd8", "image/jpeg"),
        (3, "c.weird", b"", "application/octet-stream"),
    ]


def test_a_content_type_that_would_break_the_header_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="content type"):
        rows_of(tmp_path / "d.txt", b"a", "text/plain\r\nX: y")


def test_distinct_rows(tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_bytes(b"a\nb\na\n")
    assert load_dataset(tmp_path / "d.txt").distinct() == 2
