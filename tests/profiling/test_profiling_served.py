"""What is measured is what is served: the settings of a server, and those of the one that a profile measures.

Both are started with the same flags, variables and files, and write at log level debug what they run with. Every
declared setting is set, to something that is not its default, by each source there is.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import pytest

import plimsoll
from plimsoll.profiling.measure.command import NOT_SERVED
from plimsoll.profiling.phases.capacity import Capacity
from plimsoll.profiling.phases.warmup import judge_warmup
from plimsoll.settings.declarations import Setting, declared
from plimsoll.settings.model_tag import ModelTag, write_tag
from plimsoll.settings.resolution import as_flags, environment_names
from plimsoll.settings.serving import ServeSettings
from support.made_up import (
    MEMORY,
    STARTUP,
    census,
    findings,
    level,
    operated,
    rate_level,
    row_cost,
    window,
    written_of,
)
from support.server import PATIENCE_S, free_port

SETTINGS = declared(ServeSettings)
LEAVES = "def init(): raise LookupError('far enough')\ndef run(data): pass\n"
ECHO = "def init(): pass\ndef run(data): return data\n"
LINE_BYTES = 2 * 300
"""Of what is collected of a request and its answer, at least."""
TAG = ModelTag(
    profile_name="an earlier one",
    profiled_time="2026-01-01T00:00:00Z",
    grade="verified",
    requested_cpu=1.0,
    cpu_limit=1.0,
    requested_memory_in_gb=0.2,
    requested_memory_bytes=200_000_000,
    workers=2,
    threads=3,
)


@dataclass(frozen=True)
class Given:
    """One way to say all settings; `profiling` is for the profile alone."""

    flags: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    profiling: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    command = ["openssl", "req", "-x509", *kind, "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def desk(folder: Path, script: str = LEAVES) -> Path:
    """What the settings name: files and folders that are there."""
    for name in ("app", "app/source", "model"):
        (folder / name).mkdir()
    (folder / "app" / "score.py").write_text(script)
    (folder / "rows.txt").write_text("1\n")
    (folder / "keys.txt").write_text("a-key-of-more-than-16-characters\n")
    return folder


def all_set(certificate: tuple[Path, Path]) -> dict[str, Any]:
    """A value for every setting that is not its default. Those named here must exist, or be free."""
    cert, key = map(str, certificate)
    named = {
        "entry_script": "score.py",
        "app_root": "app",
        "source_dir": "source",
        "model_dir": "model",
        "warmup": "rows.txt",
        "api_keys_file": "keys.txt",
        "host": "localhost",
        "port": free_port(),
        "health_port": free_port(),
        "gpu": "off",
        "contract": "v2",
        "collections": "request",
        "collect_as": "churn/blue",
        "collect_sampling_rate": 0.5,
        "tls_cert": cert,
        "tls_key": key,
    }
    return {name: named.get(name, another(name, setting)) for name, setting in SETTINGS.items()}


def another(name: str, setting: Setting) -> Any:
    """Not the default."""
    choices = get_args(setting.annotation)
    if get_origin(setting.annotation) is Literal:
        return next(choice for choice in choices if choice != setting.default)
    kind = next((choice for choice in choices if choice is not NoneType), setting.annotation)
    if kind is bool:
        return not setting.default
    if kind is str:
        return f"another {name}"
    return kind(max(setting.default or 0, setting.field.ge or 0, setting.field.gt or 0) + 1)


def by_flag(folder: Path, values: dict[str, Any]) -> Given:
    values = values | {"entry_script": "app/score.py"}  # of a flag, relative to the current folder
    return Given([part for name, value in values.items() for part in as_flags(name, value)])


def by_variable(folder: Path, values: dict[str, Any]) -> Given:
    names = {name: environment_names(name, setting) for name, setting in SETTINGS.items()}
    return Given(variables={names[name][0]: str(value) for name, value in values.items()})


def by_azures_variable(folder: Path, values: dict[str, Any]) -> Given:
    names = {name: environment_names(name, setting) for name, setting in SETTINGS.items()}
    return Given(variables={names[name][-1]: str(value) for name, value in values.items()})


def by_named_file(folder: Path, values: dict[str, Any]) -> Given:
    """Beside one that would be found, and is not to be read."""
    (folder / "settings.json").write_text(json.dumps(values))
    (folder / "app" / "config.json").write_text(json.dumps({"max_queue": 999, "workers": 7, "profile": "rows.txt"}))
    return Given(["--config-file", "settings.json"])


def by_found_file(folder: Path, values: dict[str, Any]) -> Given:
    (folder / "app" / "config.json").write_text(json.dumps(values))
    return Given(["--app-root", "app"])


def by_verification(folder: Path, values: dict[str, Any]) -> Given:
    """The second step of a pipeline, with a profile that recommends the configuration that is served."""
    found = findings(
        startup=STARTUP,
        census=census(row_cost(0), memory=MEMORY),
        warmup=judge_warmup([window()] * 3),
        capacity=Capacity((level(window(), window(), window()),)),
        open_loop=operated(rate_level()),
    )
    names = ("workers", "threads", "max_batch_size")
    profile = written_of(found)
    advice = profile.recommendation.model_copy(update={name: values[name] for name in names})
    text = profile.model_copy(update={"recommendation": advice}).model_dump_json(by_alias=True)
    (folder / "old.json").write_text(text)
    return Given(by_flag(folder, values).flags, profiling=["--verify", "old.json"])


SOURCES = (by_flag, by_variable, by_azures_variable, by_named_file, by_found_file, by_verification)


def run(folder: Path, given: Given, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "plimsoll", *given.flags, *flags],
        cwd=folder,
        env=os.environ | given.variables,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE_S,  # of which a profile may take a few on its own
    )


def settings_in(log: str) -> dict[str, Any]:
    """What the only server that wrote this log ran with."""
    lines = [line for line in log.splitlines() if "settings: {" in line]
    assert len(lines) == 1, log
    text = json.loads(lines[0])["message"] if lines[0].startswith("{") else lines[0]
    found: dict[str, Any] = json.loads(text.partition("settings: ")[2])
    return found


def served_and_measured(folder: Path, given: Given) -> tuple[dict[str, Any], dict[str, Any]]:
    served = run(folder, given)
    profile = ["--profile", "rows.txt", "--budget", "4", "--output", "out", *given.profiling]
    measured = run(folder, given, *profile)
    assert "far enough" in served.stderr, served.stderr
    log = folder / "out" / "server.log"
    assert log.exists(), measured.stderr
    return settings_in(served.stderr), settings_in(log.read_text())


@pytest.fixture(scope="module", params=SOURCES, ids=lambda source: source.__name__)
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]
) -> tuple[dict[str, Any], dict[str, Any]]:
    folder = desk(tmp_path_factory.mktemp(request.param.__name__))
    return served_and_measured(folder, request.param(folder, all_set(certificate)))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_measured_as_it_is_served(both: tuple[dict[str, Any], dict[str, Any]], name: str) -> None:
    served, measured = both
    assert served[name] != SETTINGS[name].default, "the source said nothing"
    if name in NOT_SERVED:
        assert measured[name] != served[name]
    else:
        assert measured[name] == served[name]


def test_what_python_sets_is_what_is_measured(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    folder, values = desk(tmp_path), all_set(certificate)
    paths = ("app_root", "model_dir", "warmup", "api_keys_file")
    values |= {name: folder / values[name] for name in paths}
    script = values.pop("entry_script")
    run = plimsoll.profile(folder / "app" / script, folder / "rows.txt", output=folder / "out", budget=4, **values)
    assert run.get_details()["state"] in {"Running", "Failed"}
    run.wait_for_completion()
    measured = settings_in((folder / "out" / "server.log").read_text())
    expected = {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
    expected["source_dir"] = str(folder / "app" / "source")
    for name in expected.keys() - NOT_SERVED.keys():
        assert measured[name] == expected[name], name


def test_where_nothing_is_set_only_the_time_of_a_request_is_another(tmp_path: Path) -> None:
    """The run has to end: without a limit of the user's a third of the budget, at least 15 s."""
    folder = desk(tmp_path)
    served, measured = served_and_measured(
        folder, Given(["--entry-script", "app/score.py", "--log-level", "debug", "--port", str(free_port())])
    )
    differing = {name for name in served if served[name] != measured[name]}
    assert differing == {"port", "scoring_timeout_ms"}
    assert (served["scoring_timeout_ms"], measured["scoring_timeout_ms"]) == (3_600_000, 15_000)


def test_the_tag_beside_the_model_holds_for_both(tmp_path: Path) -> None:
    folder = desk(tmp_path)
    write_tag(dataclasses.replace(TAG, max_batch_size=5), folder / "model")
    flags = ["--entry-script", "app/score.py", "--model-dir", "model", "--log-level", "debug"]
    for model in (flags, ["--model", "net=model", *flags[:2], *flags[4:]]):
        served, measured = served_and_measured(folder, Given([*model, "--port", str(free_port())]))
        for found in (served, measured):
            assert (found["workers"], found["threads"], found["max_batch_size"]) == (2, 3, 5)
        profile = json.loads((folder / "out" / "profile.json").read_text())
        assert (profile["settings"]["workers"], profile["settings"]["threads"]) == (2, 3)


def test_script_and_model_that_variables_name_are_measured_as_they_are_served(tmp_path: Path) -> None:
    """And the models are linked once, in the profile's folder, not by the measured server as well."""
    folder = desk(tmp_path)
    (folder / "inference.json").write_text('{"entryScript": "score.py", "sourceDirectory": "app"}')
    named = {"INFERENCE_CONFIG_FILE": "inference.json", "MODEL": "net=model", "OUTPUT": "out", "LOG_LEVEL": "debug"}
    given = Given(["--port", str(free_port())], {f"PLIMSOLL_{name}": value for name, value in named.items()})
    served, measured = served_and_measured(folder, given)
    for found in (served, measured):
        assert found["entry_script"] == str(folder / "app" / "score.py")
        assert found["app_root"] == str(folder / "app")
        assert found["model_dir"] == str(folder / "out" / "azureml-models" / "net" / "1")
    assert [path.parent.name for path in folder.rglob("azureml-models")] == ["out"]


def test_a_verification_by_variables_is_not_the_measured_servers(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    folder, values = desk(tmp_path), all_set(certificate)
    _, verify = by_verification(folder, values).profiling
    given = Given(by_flag(folder, values).flags, {"PLIMSOLL_VERIFY": verify, "PLIMSOLL_PROFILE": "rows.txt"})
    done = run(folder, given, "--budget", "4", "--output", "out")
    assert "far enough" in (folder / "out" / "server.log").read_text(), done.stderr


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"workers": 0}', '{"max_body_bytes": "many"}', '{"gpu": "perhaps"}', '{"timeout_status": 501}'],
)
def test_a_config_file_names_itself_as_in_serving(tmp_path: Path, content: str) -> None:
    folder = desk(tmp_path)
    (folder / "settings.json").write_text(content)
    given = Given(["--entry-script", "app/score.py", "--config-file", "settings.json"])
    served, profiled = run(folder, given), run(folder, given, "--profile", "rows.txt", "--output", "out")
    assert "settings.json" in served.stderr
    assert (profiled.returncode, profiled.stderr) == (served.returncode, served.stderr)
    assert not (folder / "out").exists()


def test_a_limit_of_a_config_file_refuses_the_load_too(tmp_path: Path) -> None:
    folder = desk(tmp_path, ECHO)
    (folder / "rows.txt").write_text("more than ten bytes\n")
    (folder / "settings.json").write_text('{"max_body_bytes": 10}')
    given = Given(["--entry-script", "app/score.py", "--config-file", "settings.json"])
    done = run(folder, given, "--profile", "rows.txt", "--output", "out", "--budget", "4")
    assert done.returncode == 4
    assert "413" in done.stderr


def test_a_config_file_that_asks_for_a_profile_starts_one(tmp_path: Path) -> None:
    """And not, inside it, another: what is measured serves."""
    folder = desk(tmp_path, ECHO)
    asks = {"profile": "rows.txt", "budget": 4, "output": "out", "entry_script": "score.py"}
    (folder / "app" / "config.json").write_text(json.dumps(asks))
    done = run(folder, Given(["--app-root", "app", "--log-level", "debug"]))
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "out" / "profile.json").read_text())["state"] == "Succeeded"


def test_a_server_with_keys_lets_the_load_in(tmp_path: Path) -> None:
    """With the file's first key, except where a row brings its own."""
    folder = desk(tmp_path, ECHO)
    rows = [{"body": "1"}, {"body": "2", "headers": {"Authorization": "Bearer wrong"}, "expect": {"status": 401}}]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    given = Given(["--entry-script", "app/score.py", "--api-keys-file", "keys.txt"])
    done = run(folder, given, "--profile", "rows.jsonl", "--output", "out", "--budget", "4")
    assert done.returncode == 0, done.stderr
    assert "a-key-of-more-than-16-characters" not in (folder / "out" / "profile.json").read_text()


def test_encryption_is_left_out_with_a_warning(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    folder, (cert, key) = desk(tmp_path, ECHO), certificate
    given = Given(["--entry-script", "app/score.py", "--tls-cert", str(cert), "--tls-key", str(key)])
    done = run(folder, given, "--profile", "rows.txt", "--output", "out", "--budget", "4")
    assert done.returncode == 0, done.stderr
    assert f"plimsoll: warning: --tls-cert is left out while profiling: {NOT_SERVED['tls_cert']}" in done.stderr


def test_the_load_does_not_lie_beside_real_requests(tmp_path: Path) -> None:
    """The server collects while it is measured, in files that are removed: those of a second lie there at most."""
    folder = desk(tmp_path, ECHO)
    (folder / "real").mkdir()
    (folder / "real" / "kept.jsonl").write_text("a real request\n")
    flags = ["--entry-script", "app/score.py", "--warmup", "rows.txt", "--collect", "real", "--log-level", "debug"]
    largest, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            with contextlib.suppress(OSError):
                sizes = [path.stat().st_size for path in (folder / "out").glob(".collected-*/**/*.jsonl")]
                largest[0] = max(largest[0], sum(sizes))

    looking = threading.Thread(target=look)
    looking.start()
    done = run(folder, Given(flags), "--profile", "rows.txt", "--output", "out", "--budget", "12")
    over.set()
    looking.join()
    assert done.returncode == 0, done.stderr
    assert f"plimsoll: warning: --collect is another folder while profiling: {NOT_SERVED['collect']}" in done.stderr
    assert [path.name for path in (folder / "real").rglob("*")] == ["kept.jsonl"]
    assert not list((folder / "out").glob(".collected-*"))
    requests = json.loads((folder / "out" / "profile.json").read_text())["azureml"]["totalQueries"]
    assert 0 < largest[0] < requests * LINE_BYTES * 2 / 3
    assert "records are not collected" not in (folder / "out" / "server.log").read_text()
