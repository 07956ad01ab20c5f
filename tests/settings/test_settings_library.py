"""Why settings are resolved by code of our own: what pydantic-settings cannot do of what docs/behaviour.md promises.

Each test shows our resolution doing it and the library, with the means that it documents, not doing it. One that fails
on the library's side says that it has learnt that; then the decision in docs/front.md should be made anew.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from plimsoll.command.settings import read_settings
from plimsoll.contracts.platform import Start
from plimsoll.errors import UsageError


class Library(BaseSettings):
    """Three of our settings: flags as arguments, then variables, then the file."""

    model_config = SettingsConfigDict(
        case_sensitive=True, env_ignore_empty=True, populate_by_name=True, extra="ignore", json_file="settings.json"
    )
    workers: Annotated[int, Field(ge=1, validation_alias=AliasChoices("PLIMSOLL_WORKERS", "WORKER_COUNT"))] = 1
    max_queue: Annotated[int, Field(ge=0, validation_alias=AliasChoices("PLIMSOLL_MAX_QUEUE"))] = 256

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, JsonConfigSettingsSource(settings_cls)


class Desk:
    """One folder and one environment, read by both."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.variables: dict[str, str] = {}

    def has(self, variables: dict[str, str] | None = None, keys: dict[str, Any] | None = None) -> None:
        self.variables = variables or {}
        for name, value in self.variables.items():
            self._monkeypatch.setenv(name, value)
        if keys is not None:
            Path("settings.json").write_text(json.dumps(keys))

    def ours(self, **flags: str) -> Any:
        return read_settings({"config_file": "settings.json", **flags}, Start(self.variables))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(monkeypatch)


def test_an_error_names_the_variable_that_is_wrong(desk: Desk) -> None:
    desk.has({"WORKER_COUNT": "0"}, {})
    with pytest.raises(UsageError, match="environment WORKER_COUNT = '0'"):
        desk.ours()
    with pytest.raises(ValidationError) as failed:
        Library()
    assert "WORKER_COUNT" not in str(failed.value)


def test_an_error_names_the_file_and_the_key(desk: Desk) -> None:
    desk.has(keys={"WORKER_COUNT": 0})
    with pytest.raises(UsageError, match=r"settings\.json: WORKER_COUNT = 0"):
        desk.ours()
    with pytest.raises(ValidationError) as failed:
        Library()
    assert "settings.json" not in str(failed.value)
    assert "WORKER_COUNT" not in str(failed.value)


def test_it_is_known_where_a_value_came_from(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Which the server under test is started by. The library's log has the kind of source, and values in clear."""
    desk.has({"WORKER_COUNT": "2"}, {"max_queue": 7})
    sources = desk.ours().sources
    assert sources["workers"] == "environment WORKER_COUNT"
    assert sources["max_queue"] == "settings.json: max_queue"
    monkeypatch.setenv("PYDANTIC_SETTINGS_DEBUG", "1")
    caplog.set_level(logging.DEBUG)
    settings = Library()
    assert (settings.workers, settings.max_queue) == (2, 7)
    assert "EnvSettingsSource" in caplog.text, "the log that the library has for this"
    assert "WORKER_COUNT" not in caplog.text + repr(settings)


@pytest.mark.parametrize("nothing", ["", None])
def test_nothing_in_the_file_is_nothing(desk: Desk, nothing: str | None) -> None:
    """As in a template whose values were not filled in."""
    desk.has(keys={"workers": nothing})
    assert desk.ours().serving.workers == 1
    with pytest.raises(ValidationError):
        Library()


def test_a_named_file_that_is_missing_is_an_error(desk: Desk) -> None:
    with pytest.raises(UsageError, match=r"settings\.json: .*No such file"):
        desk.ours()
    assert Library().workers == 1


def test_a_key_that_is_no_setting_is_warned_of(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The library either ignores it or refuses to start, and has no suggestion either way."""
    desk.has(keys={"wokers": 3})
    desk.ours()
    assert "settings.json: ignored, because no setting has that name: 'wokers' (did you mean 'workers'?)" in (
        capsys.readouterr().err
    )

    class Strict(Library):
        model_config = SettingsConfigDict(extra="forbid")

    assert Library().workers == 1
    with pytest.raises(ValidationError) as failed:
        Strict()
    assert "workers" not in str(failed.value)
    assert capsys.readouterr() == ("", "")


def test_reading_settings_imports_neither_pydantic_nor_asyncio() -> None:
    """The master of a server does little else, and what it imports is its memory and the time of every start."""
    costly = {"pydantic", "pydantic_core", "asyncio"}
    assert costly & modules("plimsoll.command.settings") == set()
    assert costly <= modules("pydantic_settings")


def modules(name: str) -> set[str]:
    program = f"import sys, {name}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())
