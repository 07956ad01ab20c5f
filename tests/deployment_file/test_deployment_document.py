"""What is no deployment at all, whatever platform it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.deployment_file.read import read_deployment
from plimsoll.errors import UsageError


def reason(file: Path) -> str:
    with pytest.raises(UsageError) as failed:
        read_deployment(file, frozenset())
    text = str(failed.value)
    assert text.startswith(f"deployment file {file.parent}/")
    assert "\n" not in text
    return text.removeprefix(f"deployment file {file.parent}/")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "deployment.yml: empty"),
        ("- a\n", "deployment.yml: not a deployment: no mapping"),
        ("a: 1\n---\nb: 2\n", "deployment.yml, line 3: a second document (keep one deployment in each file)"),
        ("name: [\n", "deployment.yml, line 2: not YAML: "),
        ("name: blue\n", "deployment.yml, line 1: endpoint_name is missing"),
        ("# nothing\n", "deployment.yml: empty"),
        ("name: &x {b: *x}\n", "deployment.yml, line 1: name: found unconstructable recursive node"),
        ("name: 2026-13-01\n", "deployment.yml, line 1: name: month must be in 1..12"),
        ("name: !!python/name:os.system x\n", "deployment.yml, line 1: name: could not determine a constructor"),
        ('name: "\\ud800"\n', "deployment.yml, line 1: name: '\\ud800' has half a character"),
        ("<<: 3\n", "deployment.yml, line 1: the file: expected a mapping or list of mappings for merging"),
        ("? [a]\n: b\n", "deployment.yml, line 1: the file has a key that is not text"),
        (f"a: {'[' * 5000}\n", "deployment.yml: not YAML: maximum recursion depth exceeded"),
    ],
)
def test_a_file_that_is_none_is_named_with_the_reason(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "deployment.yml"
    file.write_text(text)
    assert reason(file).startswith(message)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert reason(tmp_path / "gone.yml") == "gone.yml: cannot be read (No such file or directory)"
    (tmp_path / "folder").mkdir()
    assert reason(tmp_path / "folder") == "folder: cannot be read (Is a directory)"
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert reason(tmp_path / "binary") == "binary: not text in UTF-8"
