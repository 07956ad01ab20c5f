"""CSV as RFC 4180 describes it: what Python's own writer makes of any text comes back, numbered by its first line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plimsoll.errors import DatasetError
from plimsoll.profiling.dataset.formats import read_csv
from plimsoll.profiling.dataset.rows import Row

# What a CSV reader may see inside of quotes: everything but half characters.
FIELD = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


def read(data: bytes) -> list[tuple[int, bytes]]:
    return [(row.number, row.body) for row in read_csv("d.csv", io.BytesIO(data))]


def written(fields: Iterable[str], ending: str) -> bytes:
    """One column, all quoted: RFC 4180 allows it for any field and asks for it where one holds quotes or line ends."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=ending).writerows([field] for field in fields)
    return text.getvalue().encode()


@settings(deadline=None)
@given(fields=st.lists(FIELD, max_size=6), ending=st.sampled_from(["\n", "\r\n"]))
@example(fields=['say "hi"', "two\r\nlines", "a,b", ""], ending="\r\n")
@example(fields=["\ufeffmark", "\x0b\x0c\x1c\x85\u2028\u2029"], ending="\n")
def test_whatever_was_written_comes_back(fields: list[str], ending: str) -> None:
    """Behind two numbers, which are no header, so that the header rule takes nothing away."""
    found = read(written(["1", "2", *fields], ending))
    numbers, line = [], 3
    for field in fields:
        numbers.append(line)
        line += 1 + field.count("\n")
    expected = [(number, field.encode()) for number, field in zip(numbers, fields, strict=True) if field]
    assert found == [(1, b"1"), (2, b"2"), *expected]


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        # The rules of RFC 4180, section 2, in their order; 4 is about several columns, which a dataset has not.
        pytest.param(b"[1]\r\n[2]\r\n", [(1, b"[1]"), (2, b"[2]")], id="1: records end in CRLF"),
        pytest.param(b"[1]\r\n[2]", [(1, b"[1]"), (2, b"[2]")], id="2: the last one need not"),
        pytest.param(b"name\r\n[1]\r\n", [(2, b"[1]")], id="3: a header may come first"),
        pytest.param(b"[1]\r\n x \r\n", [(1, b"[1]"), (2, b" x ")], id="4: spaces are part of a field"),
        pytest.param(b'[1]\r\n"x"\r\n', [(1, b"[1]"), (2, b"x")], id="5: fields may be quoted"),
        pytest.param(b'[1]\r\n"a,\r\nb"\r\n', [(1, b"[1]"), (2, b"a,\r\nb")], id="6: commas and line ends inside"),
        pytest.param(b'[1]\r\n"a""b"\r\n', [(1, b"[1]"), (2, b'a"b')], id="7: two quotes are one"),
    ],
)
def test_the_rules_of_rfc_4180(data: bytes, rows: list[tuple[int, bytes]]) -> None:
    assert read(data) == rows


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        pytest.param(b"\xef\xbb\xbfname\n[1]\n", [(2, b"[1]")], id="the mark that Excel writes hides no header"),
        pytest.param(b'\xef\xbb\xbf"a,b"\n', [(1, b"a,b")], id="nor a quote"),
        pytest.param(b"\n\nname\n\n[1]\n", [(5, b"[1]")], id="blank lines count and hold no header"),
        pytest.param(b"_a-1\n1\n", [(2, b"1")], id="a word of letters, digits, _ and -"),
        pytest.param(b"1a\n[1]\n", [(1, b"1a"), (2, b"[1]")], id="that begins with a digit is none"),
        pytest.param(b"two words\n[1]\n", [(1, b"two words"), (2, b"[1]")], id="with a blank is none"),
        pytest.param("größe\n[1]\n".encode(), [(1, "größe".encode()), (2, b"[1]")], id="other letters are no name"),
        pytest.param(b"name\n", [(1, b"name")], id="alone it is a body"),
        pytest.param(b"yes\nno\n[1]\n", [(1, b"yes"), (2, b"no"), (3, b"[1]")], id="above another word it is a body"),
        pytest.param(b'""\n[1]\n', [(2, b"[1]")], id="an empty field is no body"),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_the_header_rule(data: bytes, rows: list[tuple[int, bytes]]) -> None:
    assert read(data) == rows


@pytest.mark.parametrize(
    ("data", "line"),
    [
        pytest.param(b"[1]\na,b\n", 2, id="two columns"),
        pytest.param(b'"x\ny"\na,b\n', 3, id="two columns, behind a field of two lines"),
        pytest.param(b'"x\n\n\ny",b\n', 1, id="two columns that end further down: where the record begins"),
        pytest.param(b'"1"\n"2"x\n', 2, id="text behind a closing quote"),
        pytest.param(b'"1"\n\n"2\n', 3, id="a quote that is never closed"),
        pytest.param(b'"1"\n"\xff"\n', 2, id="not UTF-8"),
        pytest.param(b'"1\n\xff"\n', 2, id="not UTF-8 on the second line of a field"),
        pytest.param(b"[1]\na\rb\n", 2, id="a line end of old Macs"),
    ],
)
def test_what_cannot_be_read_names_its_line(data: bytes, line: int) -> None:
    with pytest.raises(DatasetError, match=rf"^d\.csv, line {line}: "):
        read(data)


def test_a_picture_in_base64_is_longer_than_pythons_limit_on_fields() -> None:
    """The csv module refuses fields of over 131,072 characters unless it is told otherwise."""
    picture = b"A" * 1_000_000
    assert read(b'1\n2\n"' + picture + b'"\n')[2] == (3, picture)


def test_a_file_is_read_as_it_comes() -> None:
    """The first rows are there before the last line has been looked at: a pipe may be slow, a file big."""
    lines = iter([b"[1]\n", b"[2]\n", b"[3]\n", b"\xff\n"])
    rows = read_csv("d.csv", lines)
    assert next(rows) == Row(1, b"[1]")
    assert next(lines) == b"[3]\n", "no more than the header rule needs was taken"
