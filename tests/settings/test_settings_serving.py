"""Settings: one declaration, three sources, errors that name the culprit."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.errors import UsageError
from plimsoll.settings.declarations import declared
from plimsoll.settings.page import page
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.resolution import environment_names, flag, resolve
from plimsoll.settings.serving import ServeSettings


def test_defaults() -> None:
    settings, sources = resolve(ServeSettings, {}, {})
    assert (settings.port, settings.workers, settings.threads, settings.host) == (5001, 1, 1, "127.0.0.1")
    assert settings.scoring_timeout_ms == 3_600_000
    assert sources == {}


def test_a_flag_beats_our_variable_beats_azures() -> None:
    both = {"PLIMSOLL_WORKERS": "2", "WORKER_COUNT": "3"}
    assert resolve(ServeSettings, {"workers": "1"}, both)[0].workers == 1
    assert resolve(ServeSettings, {"workers": None}, both)[0].workers == 2
    settings, sources = resolve(ServeSettings, {}, {"WORKER_COUNT": "3"})
    assert settings.workers == 3
    assert sources == {"workers": "environment WORKER_COUNT"}


@pytest.mark.parametrize(
    ("flags", "environment", "message"),
    [
        ({"port": "0"}, {}, "flag --port = '0': input should be greater than or equal to 1"),
        ({"port": "x"}, {}, "flag --port = 'x': input should be a valid integer"),
        ({}, {"WORKER_COUNT": "0"}, "environment WORKER_COUNT = '0': input should be greater than or equal to 1"),
        (
            {},
            {"PLIMSOLL_LOG_LEVEL": "loud"},
            "environment PLIMSOLL_LOG_LEVEL = 'loud': input should be 'debug'",
        ),
        ({"grace_seconds": "0"}, {}, "flag --grace-seconds = '0': input should be greater than 0"),
    ],
)
def test_errors_name_setting_source_and_what_is_allowed(
    flags: dict[str, str], environment: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(ServeSettings, flags, environment)
    assert message in str(caught.value)
    assert caught.value.exit_code == 1


def test_values_are_cleaned() -> None:
    settings, _ = resolve(ServeSettings, {"log_level": " WARNING ", "port": " 8080 "}, {})
    assert (settings.log_level, settings.port) == ("warning", 8080)


@pytest.mark.parametrize(
    ("text", "level"),
    [("WARN", "warning"), ("20", "info"), ("Fatal", "critical"), ("NOTSET", "debug"), ("INFO", "info")],
)
def test_log_levels_are_those_of_python_too(text: str, level: str) -> None:
    assert resolve(ServeSettings, {}, {"AZUREML_LOG_LEVEL": text})[0].log_level == level


def test_every_setting_is_described_and_has_unique_names() -> None:
    flags, variables = [], []
    for model in (ServeSettings, ProfileSettings):
        for name, setting in declared(model).items():
            assert setting.description, name
            flags.append(flag(name))
            variables += environment_names(name, setting)
    assert len(set(flags)) == len(flags)
    assert len(set(variables)) == len(variables)


def test_the_reference_page_is_current() -> None:
    written = Path(__file__).parents[2] / "docs" / "settings.md"
    assert written.read_text() == page(), "run: python -m plimsoll.settings.page > docs/settings.md"
