"""Requirement files, as pip reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.errors import RequirementsError
from plimsoll.install.lines import Line, read_requirements


def read(folder: Path, text: str | bytes) -> list[Line]:
    path = folder / "requirements.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_requirements(path))


def test_requirements_by_name_with_their_lines(tmp_path: Path) -> None:
    text = "\n# all\nnumpy>=1.20,<3  # arrays\n\npandas[excel]==2.0 ; python_version >= '3.8'\nfoo \\\n  ==1.0\nbar\n"
    lines = read(tmp_path, text)
    assert [(str(line.requirement), line.place.line) for line in lines] == [
        ("numpy<3,>=1.20", 3),
        ('pandas[excel]==2.0; python_version >= "3.8"', 5),
        ("foo==1.0", 6),
        ("bar", 8),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "--extra-index-url https://example.org/simple",
        "https://example.org/a-1.0.tar.gz",
        "./a.whl",
        "a-1.0-py3-none-any.whl",
    ],
)
def test_what_only_pip_can_judge_is_handed_on(tmp_path: Path, text: str) -> None:
    (line,) = read(tmp_path, text)
    assert (line.text, line.requirement) == (text, None)


def test_hashes_stay_with_their_requirement(tmp_path: Path) -> None:
    (line,) = read(tmp_path, "foo==1.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n")
    assert str(line.requirement) == "foo==1.0"
    assert line.text.split() == ["foo==1.0", "--hash=sha256:00", "--hash=sha256:11"]


def test_files_in_files_are_found_beside_them(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "more.txt").write_text("bar\n-c limits.txt\n")
    (tmp_path / "deep" / "limits.txt").write_text("bar<2\n")
    lines = read(tmp_path, "foo\n-r deep/more.txt\n")
    assert [line.text for line in lines] == ["foo", "bar", f"-c {tmp_path}/deep/limits.txt"]
    assert str(lines[1].place) == f"{tmp_path}/deep/more.txt, line 1"


def test_what_a_windows_shell_writes(tmp_path: Path) -> None:
    (line,) = read(tmp_path, "foo==1.0\r\n".encode("utf-16"))
    assert str(line.requirement) == "foo==1.0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("foo\nbar === = 1", "requirements.txt, line 2: 'bar === = 1' is not a valid requirement"),
        ("foo=1.0", "requirements.txt, line 1: 'foo=1.0' is not a valid requirement"),
        (
            "-r gone.txt",
            "gone.txt: cannot be read: No such file or directory, included in {folder}/requirements.txt, line 1",
        ),
        ("foo\n-r", "requirements.txt, line 2: -r takes the name of one file"),
        ("-r requirements.txt", "requirements.txt: includes itself"),
        ("--find-links 'x", "requirements.txt, line 1: No closing quotation"),
        (b"foo\n\xff\xfa", "requirements.txt, line 2: not UTF-8 text"),
        (b"PK\x03\x04\x00\x00", "requirements.txt: not a text file"),
    ],
)
def test_what_cannot_be_understood_is_named_by_file_and_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(RequirementsError) as caught:
        read(tmp_path, text)
    assert said.format(folder=tmp_path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RequirementsError, match=r"gone\.txt: cannot be read: No such file"):
        list(read_requirements(tmp_path / "gone.txt"))
