"""Settings that say something of others: an inference configuration and models by name, wherever they are given.

Real servers, which write at log level debug what they run with and whose script then ends them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.server import PATIENCE_S, free_port

LEAVES = "import {helper}\ndef init(): raise LookupError('far enough')\ndef run(data): pass\n"
IMAGE = {"AML_APP_ROOT": "app", "AZUREML_ENTRY_SCRIPT": "other.py", "AZUREML_MODEL_DIR": "app"}
"""What a container image sets for every model that is put into it."""


@dataclass(frozen=True)
class Given:
    """One way to say something: on the command line, in the environment, in a config file."""

    flags: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)

    def __or__(self, other: Given) -> Given:
        return Given(self.flags + other.flags, self.variables | other.variables, self.keys | other.keys)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """An app whose inference configuration names a script in a folder of its own, and two models."""
    for name in ("app", "app/source", "net", "words"):
        (tmp_path / name).mkdir()
    for script, helper in (("other", "other_helper"), ("score", "other_helper"), ("source/score", "helper")):
        (tmp_path / "app" / f"{script}.py").write_text(LEAVES.format(helper=helper))
    (tmp_path / "app" / "other_helper.py").touch()
    (tmp_path / "app" / "source" / "helper.py").touch()
    config = {"entryScript": "score.py", "sourceDirectory": "app/source"}
    (tmp_path / "inference.json").write_text(json.dumps(config))
    return tmp_path


def run(folder: Path, given: Given) -> subprocess.CompletedProcess[str]:
    flags = ["--log-level", "debug", "--port", str(free_port()), *given.flags]
    if given.keys:
        (folder / "settings.json").write_text(json.dumps(given.keys))
        flags += ["--config-file", "settings.json"]
    command = [sys.executable, "-m", "plimsoll", *flags]
    environment = os.environ | given.variables
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)


def served(folder: Path, given: Given) -> dict[str, Any]:
    """The settings of a server that came as far as the script's init()."""
    done = run(folder, given)
    assert "LookupError: far enough" in done.stderr, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if "settings: {" in line)
    found: dict[str, Any] = json.loads(line.partition("settings: ")[2])
    return found


BY_FLAG = Given(flags=("--inference-config-file", "inference.json"))
BY_VARIABLE = Given(variables={"PLIMSOLL_INFERENCE_CONFIG_FILE": "inference.json"})
BY_KEY = Given(keys={"inference_config_file": "inference.json"})
ITS_OWN = ("app/source/score.py", "app/source")


@pytest.mark.parametrize(
    ("given", "script_and_root"),
    [
        (BY_FLAG, ITS_OWN),
        (BY_VARIABLE, ITS_OWN),
        (BY_KEY, ITS_OWN),
        (BY_FLAG | Given(variables=IMAGE), ITS_OWN),
        (BY_VARIABLE | Given(variables=IMAGE), ITS_OWN),
        (BY_KEY | Given(variables=IMAGE), ("app/other.py", "app")),
        (BY_FLAG | Given(variables={"PLIMSOLL_APP_ROOT": "app"}), ITS_OWN),
        (BY_VARIABLE | Given(variables={"PLIMSOLL_APP_ROOT": "app"}), ("app/source/score.py", "app")),
        (BY_VARIABLE | Given(keys={"entry_script": "other.py", "app_root": "app"}), ITS_OWN),
        (BY_KEY | Given(keys={"entry_script": "other.py", "app_root": "app"}), ("app/other.py", "app")),
        (BY_VARIABLE | Given(flags=("--app-root", "app")), ("app/source/score.py", "app")),
    ],
)
def test_an_inference_configuration_counts_where_it_was_named(
    desk: Path, given: Given, script_and_root: tuple[str, str]
) -> None:
    """It gives way to what was itself given there, and to what precedes; Azure's variables come after ours."""
    # The script of the inference configuration finds its helper under its own root only.
    (desk / "app" / "helper.py").touch()
    found = served(desk, given)
    assert (found["entry_script"], found["app_root"]) == tuple(str(desk / path) for path in script_and_root)


LINKS = "plimsoll-profile/azureml-models"


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        (Given(flags=("--model", "net=net")), f"{LINKS}/net/1"),
        (Given(variables={"PLIMSOLL_MODEL": "net=net"}), f"{LINKS}/net/1"),
        (Given(variables={"PLIMSOLL_MODEL": "net=net"} | IMAGE), f"{LINKS}/net/1"),
        (Given(variables={"PLIMSOLL_MODEL": "net=net,words=words"}), LINKS),
        (Given(keys={"model": ["net=net", "words=words"]}), LINKS),
        (Given(keys={"PLIMSOLL_MODEL": "net=net"}), f"{LINKS}/net/1"),
        (Given(keys={"model": "net=net"}, variables={"AZUREML_MODEL_DIR": "words"}), "words"),
        (Given(variables={"PLIMSOLL_MODEL": "net=net", "PLIMSOLL_MODEL_DIR": "words"}), "words"),
        (Given(variables={"PLIMSOLL_MODEL": "net=net", "PLIMSOLL_OUTPUT": "out"}), "out/azureml-models/net/1"),
    ],
)
def test_models_by_name_count_where_they_were_given(desk: Path, given: Given, folder: str) -> None:
    (desk / "score.py").write_text(LEAVES.format(helper="json"))
    found = served(desk, given | Given(flags=("--entry-script", "score.py")))
    assert found["model_dir"] == str(desk / folder)
    links = {path.name for path in desk.rglob("azureml-models/*")}
    assert links == ({"net", "words"} if folder == LINKS else {"net"} if "net" in folder else set())


VARIABLE_OF_FILE = "environment PLIMSOLL_INFERENCE_CONFIG_FILE"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Given(variables={"PLIMSOLL_MODEL": "net"}), "environment PLIMSOLL_MODEL = 'net': not NAME=PATH"),
        (
            Given(variables={"PLIMSOLL_MODEL": "a=net,b=gone"}),
            "environment PLIMSOLL_MODEL = 'b=gone': gone does not exist",
        ),
        (
            Given(variables={"PLIMSOLL_MODEL": "a=net,a=words"}),
            "environment PLIMSOLL_MODEL = 'a=words': two models have the same name",
        ),
        (Given(flags=("--model", "net")), "flag --model = 'net': not NAME=PATH"),
        (Given(keys={"model": ["net"]}), "settings.json: model = 'net': not NAME=PATH"),
        (Given(keys={"model": {"a": 1}}), "settings.json: model = {'a': 1}: input should be a valid tuple"),
        (
            Given(variables={"PLIMSOLL_INFERENCE_CONFIG_FILE": "gone.json"}),
            f"{VARIABLE_OF_FILE} = 'gone.json': cannot be read (No such file or directory)",
        ),
        (
            Given(variables={"PLIMSOLL_INFERENCE_CONFIG_FILE": "app"}),
            f"{VARIABLE_OF_FILE} = 'app': cannot be read (Is a directory)",
        ),
        (
            Given(variables={"PLIMSOLL_INFERENCE_CONFIG_FILE": "empty.json"}),
            f"{VARIABLE_OF_FILE} = 'empty.json': no entryScript",
        ),
        (
            Given(keys={"PLIMSOLL_INFERENCE_CONFIG_FILE": "gone.json"}),
            "settings.json: PLIMSOLL_INFERENCE_CONFIG_FILE = 'gone.json': cannot be read (No such file or directory)",
        ),
        (
            Given(variables={"PLIMSOLL_MODEL": "net=net", "PLIMSOLL_OUTPUT": "empty.json"}),
            "--model: its links cannot be made in empty.json/azureml-models (Not a directory)"
            " (name a folder that can be written to with --output)",
        ),
    ],
)
def test_an_error_names_the_variable(desk: Path, given: Given, message: str) -> None:
    (desk / "empty.json").write_text("{}")
    done = run(desk, given | Given(variables={"PLIMSOLL_ENTRY_SCRIPT": "app/score.py"}))
    assert (done.returncode, done.stderr) == (1, f"plimsoll: error: {message}\n")


def test_what_it_ignores_is_said_once(desk: Path) -> None:
    config = {"entryScript": "source/score.py", "sourceDirectory": "app", "condaFile": "env.yml"}
    (desk / "inference.json").write_text(json.dumps(config))
    (desk / "app" / "helper.py").touch()
    done = run(desk, BY_VARIABLE)
    assert done.stderr.count("what env.yml lists is not installed here") == 1


def test_a_config_file_beside_the_script_that_it_names_is_found(desk: Path) -> None:
    (desk / "app" / "source" / "config.json").write_text('{"max_queue": 7}')
    assert served(desk, BY_VARIABLE)["max_queue"] == 7
