"""Azure's inference configuration, and models by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll.errors import UsageError
from plimsoll.settings.inference_config import (
    InferenceConfig,
    link_models,
    model_folder,
    parse_models,
    read_inference_config,
)


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


def read(path: Path) -> InferenceConfig:
    return read_inference_config(path, "flag --inference-config-file")


def link(models: list[str], folder: Path) -> Path:
    return link_models(parse_models(models, "flag --model"), folder)


def folder_of(*models: str) -> Path | None:
    return model_folder(parse_models(models, "flag --model"))


def test_script_and_source(desk: Path) -> None:
    found = read(config(desk, entryScript="score.py", sourceDirectory="./source", runtime="python"))
    assert found.settings == {"entry_script": str(desk / "source" / "score.py"), "app_root": str(desk / "source")}
    assert "runtime has no meaning here" in found.notes[0]


def test_script_alone_and_conda(desk: Path) -> None:
    found = read(config(desk, entryScript="alone.py", condaFile="env.yml"))
    assert found.settings == {"entry_script": str(desk / "alone.py")}
    assert "what env.yml lists is not installed" in found.notes[0]


def test_paths_beside_the_file(desk: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    (other / "there.py").write_text("")
    assert read(config(other, entryScript="there.py")).settings["entry_script"] == str(other / "there.py")


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
        read(config(desk, **values))
    assert message in str(failed.value)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_files_that_are_none(desk: Path, text: str) -> None:
    (desk / "c.json").write_text(text)
    with pytest.raises(UsageError, match=r"c\.json': not"):
        read(desk / "c.json")
    with pytest.raises(UsageError, match="cannot be read"):
        read(desk / "gone.json")


def test_one_model_is_the_folder_of_its_version(desk: Path) -> None:
    (desk / "m.onnx").write_bytes(b"x")
    found = link(["net=m.onnx"], desk / "out")
    assert found == desk / "out" / "azureml-models" / "net" / "1"
    assert (found / "m.onnx").read_bytes() == b"x"


def test_several_models_are_their_common_folder_and_links_are_renewed(desk: Path) -> None:
    (desk / "m.onnx").write_bytes(b"x")
    link(["net=alone.py"], desk / "out")
    found = link(["net=m.onnx", "src=source"], desk / "out")
    assert found == desk / "out" / "azureml-models"
    assert [path.name for path in (found / "net" / "1").iterdir()] == ["m.onnx"]
    assert (found / "src" / "1" / "source" / "score.py").exists()


@pytest.mark.parametrize("text", ["net", "=m", "net=", "../x=source", "..=source", "net=gone"])
def test_models_that_are_none(desk: Path, text: str) -> None:
    with pytest.raises(UsageError, match="flag --model = "):
        parse_models([text], "flag --model")
    with pytest.raises(UsageError, match="same name"):
        parse_models(["a=source", "a=alone.py"], "flag --model")


def test_a_link_that_stands_is_left_for_those_who_read_it(desk: Path) -> None:
    version = link(["net=source"], desk / "out")
    made = (version / "source").lstat()
    assert link(["net=source"], desk / "out") == version
    assert (version / "source").lstat().st_ino == made.st_ino
    (desk / "elsewhere" / "source").mkdir(parents=True)
    link(["net=elsewhere/source"], desk / "out")
    assert (version / "source").readlink() == (desk / "elsewhere" / "source").resolve()
    assert [path.name for path in version.parent.iterdir()] == ["1"]


def test_a_blank_after_the_comma_is_not_part_of_a_name(desk: Path) -> None:
    assert list(parse_models(["net=source", " alone=alone.py"], "flag --model")) == ["net", "alone"]


def test_links_that_cannot_be_made(desk: Path) -> None:
    with pytest.raises(UsageError, match=r"alone\.py/azureml-models \(Not a directory\)"):
        link(["net=source"], desk / "alone.py")
    (desk / "out" / "azureml-models" / "net" / "1" / "source").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"out/azureml-models \(File exists\)"):
        link(["net=source"], desk / "out")


def test_the_users_own_folder_behind_the_links(desk: Path) -> None:
    (desk / "source" / "m.onnx").write_bytes(b"x")
    assert folder_of("net=source") == folder_of("net=source/m.onnx") == Path("source")
    assert folder_of("net=alone.py") == Path()
    assert folder_of("net=source", "alone=alone.py") is None
