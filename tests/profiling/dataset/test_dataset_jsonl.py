"""Text with one body per line: split at LF and nowhere else, typed by what RFC 8259 calls JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.errors import DatasetError
from plimsoll.profiling.dataset.formats import read_lines
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.dataset.rows import JSON_TYPE, TEXT_TYPE, Dataset

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def loaded(folder: Path, data: bytes, name: str = "d.jsonl") -> Dataset:
    (folder / name).write_bytes(data)
    return load_dataset(folder / name, kind="lines")


@settings(deadline=None)
@given(values=st.lists(JSON, min_size=1, max_size=6), ascii_only=st.booleans())
def test_json_lines_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, values: list[object], ascii_only: bool
) -> None:
    """As jsonlines.org has them: UTF-8, one value per line, which json.dumps never breaks."""
    lines = [json.dumps(value, ensure_ascii=ascii_only) for value in values]
    rows = loaded(tmp_path_factory.mktemp("jsonl"), "\n".join(lines).encode()).rows
    assert [(row.number, row.body) for row in rows] == [(place, line.encode()) for place, line in enumerate(lines, 1)]
    assert {row.content_type for row in rows} == {JSON_TYPE}
    assert [json.loads(row.body) for row in rows] == values


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r"])
def test_nothing_but_a_line_feed_ends_a_line(tmp_path: Path, separator: str) -> None:
    """`str.splitlines` would cut at all of these, inside of a JSON string too."""
    body = f"a{separator}b".encode()
    assert [row.body for row in loaded(tmp_path, body + b"\n" + body + b"\n").rows] == [body, body]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        # RFC 8259, sections 2 to 7.
        (b"null", JSON_TYPE), (b"true", JSON_TYPE), (b"-0.5e+3", JSON_TYPE), (b'""', JSON_TYPE),
        (b" [1 ,2 ] ", JSON_TYPE),
        (b'"\\ud834\\udd1e"', JSON_TYPE), (b"{}", JSON_TYPE), (b"[[[[]]]]", JSON_TYPE),
        (b"True", TEXT_TYPE), (b"01", TEXT_TYPE), (b"+1", TEXT_TYPE), (b"1.", TEXT_TYPE), (b".5", TEXT_TYPE),
        (b"'a'", TEXT_TYPE), (b"[1,]", TEXT_TYPE), (b"{a: 1}", TEXT_TYPE), (b'"\t"', TEXT_TYPE),
        (b"[1] [2]", TEXT_TYPE),
        pytest.param(b"[" * 100_000, TEXT_TYPE, id="too deep for the parser"),
    ],
)  # fmt: skip
def test_what_is_json_is_sent_as_json(tmp_path: Path, body: bytes, kind: str) -> None:
    assert [(row.body, row.content_type) for row in loaded(tmp_path, body).rows] == [(body, kind)]


def test_a_mark_of_the_byte_order_is_not_sent_and_only_the_first_is_one() -> None:
    lines = io.BytesIO(b"\xef\xbb\xbf[1]\n\xef\xbb\xbf[2]\n")
    assert [row.body for row in read_lines("d", lines)] == [b"[1]", b"\xef\xbb\xbf[2]"]


@pytest.mark.parametrize(
    ("line", "place"),
    [(b"\xff", 1), (b"ab\xc3", 3), (b"\xe2\x82x", 1), (b"\xed\xa0\x80", 1), (b"ok \xf5\x80\x80\x80", 4)],
    ids=["no such byte", "cut off", "one byte short", "half a character", "beyond Unicode"],
)
def test_what_is_not_utf_8_names_line_and_byte(tmp_path: Path, line: bytes, place: int) -> None:
    with pytest.raises(DatasetError, match=rf"d\.jsonl, line 3: .*byte {place} "):
        loaded(tmp_path, b"[1]\n\n" + line + b"\n[4]\n")


def test_rows_are_different_by_their_request_not_only_by_their_body(tmp_path: Path) -> None:
    lines = [
        {"body": "a"}, {"body": "a"}, {"body": "a", "method": "PUT"}, {"body": "a", "path": "/score?x=1"},
        {"body": "b"},
    ]  # fmt: skip
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert load_dataset(tmp_path / "d.jsonl", kind="envelope").distinct() == 4


@pytest.mark.parametrize(
    ("name", "kind"), [("d.TXT", "lines"), ("d.JSONL", "lines"), ("d.CSV", "csv"), ("D.Zip", "zip")]
)
def test_the_case_of_a_suffix_does_not_matter(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b'"a,b"\n')
    if kind == "zip":
        with pytest.raises(DatasetError, match="cannot be unpacked"):
            load_dataset(tmp_path / name)
    else:
        assert load_dataset(tmp_path / name).rows[0].body == (b"a,b" if kind == "csv" else b'"a,b"')


def test_a_format_that_is_said_outweighs_the_name(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(b'"a"\n')
    assert load_dataset(tmp_path / "d.csv", kind="lines").rows[0].body == b'"a"'
    with pytest.raises(DatasetError, match=r"d\.csv: cannot be unpacked"):
        load_dataset(tmp_path / "d.csv", kind="zip")
    with pytest.raises(DatasetError, match=r"d\.csv.*cannot be read"):
        load_dataset(tmp_path / "d.csv" / "below", kind="lines")


def test_what_a_row_says_itself_wins_over_the_flag_and_the_flag_over_what_it_looks_like(tmp_path: Path) -> None:
    rows = [{"body": "[1]", "headers": {"Content-Type": "a/b"}}, {"body": "[1]"}, {"body_b64": "AA=="}]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, rows)))
    given = load_dataset(tmp_path / "d.jsonl", "c/d", kind="envelope").rows
    assert [row.content_type for row in given] == ["a/b", "c/d", "c/d"]
    unsaid = load_dataset(tmp_path / "d.jsonl", None, kind="envelope").rows
    assert [row.content_type for row in unsaid] == ["a/b", JSON_TYPE, "application/octet-stream"]
