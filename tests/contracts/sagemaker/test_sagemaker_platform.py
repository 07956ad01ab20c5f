"""What SageMaker's variables set, read as its toolkit reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plimsoll.command.settings import read_settings
from plimsoll.contracts.platform import Start
from plimsoll.contracts.sagemaker.platform import defaults
from plimsoll.errors import UsageError
from plimsoll.settings.serving import longest_stop_s

IMAGES = {"AZUREML_MODEL_DIR": "/var/azureml-app", "AML_APP_ROOT": "/var/azureml-app", "PLIMSOLL_HOST": "0.0.0.0"}
KILLED_AFTER_S = 30


def values(**environment: str) -> dict[str, Any]:
    return {name: said.value for name, said in defaults(environment).items()}


def test_the_port_and_an_end_within_30_s() -> None:
    found = values()
    assert (found["host"], found["port"]) == ("0.0.0.0", 8080)
    assert longest_stop_s(found["drain_seconds"], found["grace_seconds"]) < KILLED_AFTER_S


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("SAGEMAKER_BIND_TO_PORT", "9000", "port", 9000),
        ("SAGEMAKER_MODEL_SERVER_WORKERS", "3", "workers", 3),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "2", "scoring_timeout_ms", 120_000),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", "7", "scoring_timeout_ms", 7_000),
        ("SAGEMAKER_MAX_PAYLOAD_IN_MB", "6", "max_body_bytes", 6 * 2**20),
        ("SAGEMAKER_MAX_REQUEST_SIZE", "1000", "max_body_bytes", 1000),
        ("SAGEMAKER_CONTAINER_LOG_LEVEL", "10", "log_level", "debug"),
    ],
)
def test_variables_with_a_counterpart(variable: str, text: str, name: str, value: object) -> None:
    start = Start(IMAGES | {variable: text}, serves=True)
    serving = read_settings({"entry_script": "score.py"}, start).serving
    assert getattr(serving, name) == value
    own = Start(start.environment | {"PLIMSOLL_LOG_LEVEL": "error"}, serves=True)
    assert read_settings({"port": "1", "workers": "2"}, own).serving.port == 1


def test_seconds_precede_minutes() -> None:
    server = "SAGEMAKER_MODEL_SERVER_TIMEOUT"
    assert values(**{server: "2", f"{server}_SECONDS": "7"})["scoring_timeout_ms"] == 7_000


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("SAGEMAKER_MULTI_MODEL", "true", "an endpoint for each model"),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "soon", "SAGEMAKER_MODEL_SERVER_TIMEOUT = 'soon'"),
        ("SAGEMAKER_BIND_TO_PORT", "99999", "SAGEMAKER_BIND_TO_PORT = '99999'"),
    ],
)
def test_what_cannot_be_honoured_is_named(variable: str, text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_settings({}, Start({variable: text}, serves=True))
    assert said in str(refused.value)


def test_a_model_folder_precedes_that_of_the_image(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "code").mkdir(parents=True)
    (model / "code" / "score.py").write_text("")
    found = read_settings({}, Start(IMAGES | {"SAGEMAKER_BASE_DIR": str(tmp_path)}, serves=True)).serving
    assert (found.model_dir, found.app_root) == (str(model), str(model / "code"))
    assert found.entry_script == str(model / "code" / "score.py")


def test_without_one_the_image_serves_what_it_holds(tmp_path: Path) -> None:
    start = Start(IMAGES | {"SAGEMAKER_BASE_DIR": str(tmp_path)}, serves=True)
    found = read_settings({}, start).serving
    assert (found.model_dir, found.app_root, found.entry_script) == ("/var/azureml-app", "/var/azureml-app", None)
    (tmp_path / "inference.py").write_text("")
    found = read_settings({}, Start(start.environment | {"AML_APP_ROOT": str(tmp_path)}, serves=True)).serving
    assert found.entry_script == str(tmp_path / "inference.py")


def test_an_archive_in_s3_is_what_the_platform_has_unpacked(tmp_path: Path) -> None:
    named = {"SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/source.tar.gz", "SAGEMAKER_PROGRAM": "mine"}
    found = values(SAGEMAKER_BASE_DIR=str(tmp_path), **named)
    assert found["entry_script"] == str(tmp_path / "model" / "code" / "mine.py")
