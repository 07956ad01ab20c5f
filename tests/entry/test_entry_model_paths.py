"""Model.get_model_path, as registered models lie in a deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.entry.compat.model_paths import AzureMLException, Model, ModelNotFoundException, WebserviceException
from plimsoll.settings.model_tag import TAG_FILE


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    monkeypatch.setenv("AML_APP_ROOT", str(tmp_path))
    for version, name in (("2", "two.onnx"), ("10", "ten.onnx"), ("notes", "x")):
        (tmp_path / "azureml-models" / "digits" / version).mkdir(parents=True)
        (tmp_path / "azureml-models" / "digits" / version / name).touch()
    return tmp_path / "azureml-models"


def test_the_highest_version_by_number(models: Path) -> None:
    assert Model.get_model_path("digits") == str(models / "digits" / "10" / "ten.onnx")


def test_a_given_version(models: Path) -> None:
    assert Model.get_model_path("digits", version=2) == str(models / "digits" / "2" / "two.onnx")


def test_the_entry_may_be_a_folder(models: Path) -> None:
    (models / "resnet50" / "1" / "saved").mkdir(parents=True)
    assert Model.get_model_path("resnet50") == str(models / "resnet50" / "1" / "saved")


@pytest.mark.parametrize("model_dir", ["", "faces/1"])
def test_models_beside_the_one_in_azureml_model_dir(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_dir: str
) -> None:
    elsewhere = tmp_path / "out" / "azureml-models"
    (elsewhere / "faces" / "1").mkdir(parents=True)
    (elsewhere / "faces" / "1" / "faces.onnx").touch()
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(elsewhere / model_dir))
    assert Model.get_model_path("faces") == str(elsewhere / "faces" / "1" / "faces.onnx")
    assert Model.get_model_path("digits") == str(models / "digits" / "10" / "ten.onnx")


def test_one_entry_only(models: Path) -> None:
    (models / "digits" / "10" / "second").touch()
    with pytest.raises(WebserviceException, match="can contain only 1 file or folder"):
        Model.get_model_path("digits")


@pytest.mark.parametrize("version", [None, 3])
def test_a_file_in_the_working_directory_does_as_well(models: Path, version: int | None) -> None:
    Path("desk.pkl").touch()
    assert Model.get_model_path("desk.pkl", version) == "desk.pkl"


def test_nothing_found(models: Path) -> None:
    with pytest.raises(ModelNotFoundException, match="Model absent not found") as caught:
        Model.get_model_path("absent")
    assert isinstance(caught.value, AzureMLException)
    assert caught.value.message == str(caught.value)


@pytest.mark.parametrize("version", [3, "2"])
def test_a_version_that_is_not_there_or_no_number(models: Path, version: object) -> None:
    with pytest.raises(WebserviceException) as caught:
        Model.get_model_path("digits", version)  # type: ignore[arg-type]
    assert not isinstance(caught.value, ModelNotFoundException)


def test_without_app_root_the_working_directory_counts(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AML_APP_ROOT")
    monkeypatch.chdir(models.parent)
    assert Model.get_model_path("digits", 2) == "azureml-models/digits/2/two.onnx"


def test_the_tag_of_a_profile_is_no_entry(models: Path) -> None:
    (models / "digits" / "10" / TAG_FILE).touch()
    assert Model.get_model_path("digits") == str(models / "digits" / "10" / "ten.onnx")
