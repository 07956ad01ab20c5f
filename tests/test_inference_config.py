"""Azure's inference configuration, and models by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll.errors import UsageError
from plimsoll.inference_config import link_models, read_inference_config


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "score.py").write_text("")
    (tmp_path / "alone.py").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(folder: Path, **values: Any) -> Path:
    path = folder / "inferenceconfig.json"
    path.write_text(json.dumps(values))
    return path


def test_script_and_source(desk: Path) -> None:
    found = read_inference_config(config(desk, entryScript="score.py", sourceDirectory="./source", runtime="python"))
    assert found.flags == {"entry_script": str(desk / "source" / "score.py"), "app_root": str(desk / "source")}
    assert "runtime has no meaning here" in found.notes[0]


def test_script_alone_and_conda(desk: Path) -> None:
    found = read_inference_config(config(desk, entryScript="alone.py", condaFile="env.yml"))
    assert found.flags == {"entry_script": str(desk / "alone.py")}
    assert "what env.yml lists is not installed" in found.notes[0]


def test_paths_beside_the_file(desk: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "there.py").write_text("")
    assert read_inference_config(config(other, entryScript="there.py")).flags["entry_script"] == str(other / "there.py")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "no entryScript"),
        ({"entryScript": "gone.py"}, "entryScript 'gone.py' is neither"),
        ({"entryScript": "gone.py", "sourceDirectory": "source"}, "is not in source"),
        ({"entryScript": "score.py", "sourceDirectory": "gone"}, "sourceDirectory 'gone' is neither"),
        ({"entryScript": 3}, "entryScript is not text"),
        ({"entryScript": "alone.py", "entryscript": "x"}, "unknown key 'entryscript'"),
    ],
)
def test_what_cannot_be_used_is_named(desk: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=r"inferenceconfig\.json") as failed:
        read_inference_config(config(desk, **values))
    assert message in str(failed.value)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_files_that_are_none(desk: Path, text: str) -> None:
    (desk / "c.json").write_text(text)
    with pytest.raises(UsageError, match=r"c\.json: not"):
        read_inference_config(desk / "c.json")
    with pytest.raises(UsageError, match="cannot be read"):
        read_inference_config(desk / "gone.json")


def test_one_model_is_the_folder_of_its_version(desk: Path) -> None:
    (desk / "m.onnx").write_bytes(b"x")
    found = link_models(["net=m.onnx"], desk / "out")
    assert found == desk / "out" / "azureml-models" / "net" / "1"
    assert (found / "m.onnx").read_bytes() == b"x"


def test_several_models_are_their_common_folder_and_links_are_renewed(desk: Path) -> None:
    (desk / "m.onnx").write_bytes(b"x")
    link_models(["net=alone.py"], desk / "out")
    found = link_models(["net=m.onnx", "src=source"], desk / "out")
    assert found == desk / "out" / "azureml-models"
    assert [path.name for path in (found / "net" / "1").iterdir()] == ["m.onnx"]
    assert (found / "src" / "1" / "source" / "score.py").exists()


@pytest.mark.parametrize("text", ["net", "=m", "net=", "../x=source", "..=source", "net=gone"])
def test_models_that_are_none(desk: Path, text: str) -> None:
    with pytest.raises(UsageError, match="--model"):
        link_models([text], desk / "out")
    with pytest.raises(UsageError, match="same name"):
        link_models(["a=source", "a=alone.py"], desk / "out")
