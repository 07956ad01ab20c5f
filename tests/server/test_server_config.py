"""Where settings come from when they are not flags: Azure's names, a config file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from plimsoll.host.cpus import describe_host
from plimsoll.settings.declarations import declared
from plimsoll.settings.serving import ServeSettings
from support.fixtures import Serve, WriteScript
from support.server import PATIENCE_S, Server, free_port, wait_for

ECHO = """
    import json, os
    def init(): pass
    def run(data): return [os.environ.get("AZUREML_MODEL_DIR"), os.environ.get("OMP_NUM_THREADS")]
"""


@pytest.fixture
def folder(write_script: WriteScript) -> Path:
    return write_script("").parent


def test_azures_flags_and_variables(serve: Serve) -> None:
    server = serve(
        ECHO, "--worker_count", "2", "--access_control_allow_origins", "*", env={"SCORING_TIMEOUT_MS": "1234"}
    )
    wait_for(lambda: len(server.workers()) == 2, "two workers")
    assert server.get("/", origin="https://x.example").headers["access-control-allow-origin"] == "https://x.example"


def test_a_config_file_in_the_app_root_is_found(serve: Serve, folder: Path) -> None:
    (folder / "model").mkdir()
    config = {"AZUREML_MODEL_DIR": "model", "AML_CORS_ORIGINS": "https://a.example", "workers": 2, "num_labels": 3}
    (folder / "config.json").write_text(json.dumps(config))
    server = serve(ECHO)
    assert server.post("/score", b"1").json()[0] == str(folder / "model")
    wait_for(lambda: len(server.workers()) == 2, "two workers")
    assert "access-control-allow-origin" in server.get("/", origin="https://a.example").headers


def test_flag_beats_environment_beats_file(serve: Serve, folder: Path) -> None:
    (folder / "settings.json").write_text(json.dumps({"max_body_bytes": 10, "WORKER_COUNT": 3, "max_queue": 7}))
    server = serve(
        ECHO, "--config-file", "settings.json", "--max-body-bytes", "20", env={"WORKER_COUNT": "2", "PLIMSOLL_X": "1"}
    )
    assert server.post("/score", b"x" * 15).status == 200
    assert server.post("/score", b"x" * 25).status == 413
    wait_for(lambda: len(server.workers()) == 2, "two workers")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "config file settings.json: Expecting property name"),
        ("[]", "config file settings.json: not a JSON object"),
        ('{"workers": 0}', "settings.json: workers = 0: input should be greater than or equal to 1"),
        (
            '{"SCORING_TIMEOUT_MS": "soon"}',
            "settings.json: SCORING_TIMEOUT_MS = 'soon': input should be a valid integer",
        ),
    ],
)
def test_a_named_config_file_is_right_about_settings(serve: Serve, folder: Path, content: str, message: str) -> None:
    (folder / "settings.json").write_text(content)
    server = serve(ECHO, "--config-file", "settings.json", wait=False)
    assert server.wait_exit() == 1
    server.wait_log(message)
    assert server.log().count("\n") == 1


@pytest.mark.parametrize("named", ["flag", "environment"])
def test_a_key_that_is_no_setting_is_warned_of(serve: Serve, folder: Path, named: str) -> None:
    config = {"wokers": 3, "AZUREML_MODEL_DIRS": "x", "WORKER_COUNT": 2, "quite other": {}, "WORKSPACE_NAME": "w"}
    (folder / "settings.json").write_text(json.dumps(config))
    flags = ("--config-file", "settings.json") if named == "flag" else ()
    server = serve(ECHO, *flags, env={} if flags else {"AZUREML_CONFIG_FILE": "settings.json"})
    wait_for(lambda: len(server.workers()) == 2, "two workers")
    warnings = [line for line in server.log().splitlines() if "warning" in line]
    assert warnings == [
        "plimsoll: warning: config file settings.json: ignored, because no setting has that name: "
        "'wokers' (did you mean 'workers'?), 'AZUREML_MODEL_DIRS' (did you mean 'AZUREML_MODEL_DIR'?), 'quite other'"
    ]


def test_a_profile_takes_the_config_file_like_a_server(write_script: WriteScript, folder: Path) -> None:
    """The measured server too, which here says what it was told and goes no further."""
    write_script("import os\ndef init(): raise LookupError(os.environ.get('AZUREML_MODEL_DIR'))\ndef run(data): pass")
    (folder / "model").mkdir()
    (folder / "rows.txt").write_text("1\n")
    (folder / "settings.json").write_text('{"AZUREML_MODEL_DIR": "model", "wokers": 1}')
    flags = ["--entry-script", "score.py", "--profile", "rows.txt", "--config-file", "settings.json"]
    command = [sys.executable, "-m", "plimsoll", *flags]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 3
    assert f"LookupError: {folder}/model" in done.stderr
    assert done.stderr.count("'wokers' (did you mean 'workers'?)") == 1


def test_a_models_own_config_json_disturbs_nothing(serve: Serve, folder: Path) -> None:
    (folder / "config.json").write_text('{"hidden_size": 768, "architectures": ["Bert"], "model": {"type": "bert"}}')
    server = serve(ECHO)
    assert server.post("/score", b"1").status == 200
    assert "warning" not in server.log()


def test_threads_of_libraries_follow_the_cores_and_the_user(serve: Serve) -> None:
    cores = describe_host().usable_cores
    for workers in (1, 2):
        share = str(max(1, int(cores // workers)))
        assert serve(ECHO, "--workers", str(workers)).post("/score", b"1").json()[1] == share
    assert serve(ECHO, env={"OMP_NUM_THREADS": "7"}).post("/score", b"1").json()[1] == "7"


def test_a_health_port_of_its_own(serve: Serve) -> None:
    port = free_port()
    server = serve(ECHO, "--health-port", str(port))
    server.port = port
    assert server.get("/health/ready").status == 200


def test_the_old_status_of_a_timeout(serve: Serve) -> None:
    server = serve(
        """
        import time
        def init(): pass
        def run(data): time.sleep(100)
        """,
        *("--scoring-timeout-ms", "200", "--timeout-status", "500"),
    )
    reply = server.post("/score", b"1")
    assert (reply.status, reply.json()["message"]) == (500, "Scoring timeout after 200 ms")


def test_the_version_header_can_be_named_or_left_out(serve: Serve) -> None:
    assert serve(ECHO).get("/").headers["x-ms-server-version"].startswith("plimsoll/")
    named = serve(ECHO, env={"HTTP_X_MS_SERVER_VERSION": "mine/7"})
    assert named.get("/").headers["x-ms-server-version"] == "mine/7"
    assert "x-ms-server-version" not in serve(ECHO, "--no-server-version-header").get("/").headers


def test_swagger_and_openapi(serve: Serve) -> None:
    server = serve(ECHO, env={"SERVICE_NAME": "Digits"})
    for path, key, version in (
        ("/swagger.json", "swagger", "2.0"),
        ("/swagger.json?version=3", "openapi", "3.0.3"),
        ("/swagger.json?version=3.1", "openapi", "3.1.0"),
        ("/openapi.json", "openapi", "3.1.0"),
    ):
        document = server.get(path).json()
        assert (document[key], document["info"]["title"]) == (version, "Digits")
    unknown = server.get("/swagger.json?version=9", x_request_id="mine")
    assert unknown.status == 404
    assert unknown.json()["message"] == "Swagger version [9] is not valid. Supported versions: [2, 3, 3.1]."
    assert unknown.headers["x-request-id"] == "mine"


def test_the_description_is_not_there_until_the_script_is_loaded(serve: Serve, folder: Path) -> None:
    server = serve(
        """
        import os, time
        def init():
            while not os.path.exists("go"): time.sleep(0.01)
        def run(data): return data
        """,
        wait=False,
    )
    wait_for(lambda: _answers(server), "an open port")
    for path in ("/swagger.json", "/openapi.json"):
        reply = server.get(path)
        assert (reply.status, reply.json()["code"], reply.headers["retry-after"]) == (503, "not_ready", "1")
        assert reply.json()["message"].startswith("The API description is not available yet: ")
    (folder / "go").touch()
    server.wait_ready()
    assert server.get("/swagger.json").status == 200


def _answers(server: Server) -> bool:
    try:
        return server.get("/health/live").status == 200
    except OSError:
        return False


@pytest.mark.parametrize("path", ["/", "/swagger.json"])
def test_options_of_the_other_routes(serve: Serve, path: str) -> None:
    reply = serve(ECHO).request("OPTIONS", path, None, {})
    assert (reply.status, reply.body, reply.headers["allow"]) == (200, b"", "GET, HEAD, OPTIONS")


def test_a_built_in_script_that_does_not_exist(serve: Serve) -> None:
    server = serve(ECHO, "--entry-script", "builtin:nope", wait=False)
    assert server.wait_exit() == 3
    server.wait_log("onnx")


def test_workers_and_threads_follow_the_tag_beside_the_model(serve: Serve, folder: Path) -> None:
    (folder / "model").mkdir()
    tag = {"profileName": "x", "profiledTime": "2026-01-01T00:00:00Z", "grade": "verified", "workers": 2, "threads": 3}
    needs = {"requestedCpu": 1, "cpuLimit": 1, "requestedMemoryInGb": 1, "requestedMemoryBytes": 10**9}
    (folder / "model" / "plimsoll.json").write_text(json.dumps(tag | needs))
    tagged = serve(ECHO, "--model-dir", "model")
    wait_for(lambda: tagged.metric("plimsoll_slots") == 6, "two workers of three threads")
    told = serve(ECHO, "--model-dir", "model", "--workers", "1")
    wait_for(lambda: told.metric("plimsoll_slots") == 1, "one worker of one thread")


def test_an_empty_name_stands_for_no_config_file(serve: Serve, folder: Path) -> None:
    (folder / "config.json").write_text('{"workers": 2}')
    (folder / "other.json").write_text('{"workers": 3}')
    server = serve(ECHO, "--config-file", "", env={"AZUREML_CONFIG_FILE": "other.json"})
    assert server.metric("plimsoll_slots") == 1


def test_at_debug_the_settings_are_logged(serve: Serve, folder: Path) -> None:
    """Whatever they came from, as they are used."""
    (folder / "config.json").write_text('{"WORKER_COUNT": 2, "max_queue": 7}')
    server = serve(ECHO, env={"AZUREML_LOG_LEVEL": "DEBUG"})
    server.wait_log("settings: {")
    (line,) = (line for line in server.log().splitlines() if "settings: {" in line)
    found = json.loads(line.partition("settings: ")[2])
    assert (found["workers"], found["max_queue"], found["port"]) == (2, 7, server.port)
    assert found["entry_script"] == str(folder / "score.py")
    assert found.keys() == declared(ServeSettings).keys()
    assert "settings: " not in serve(ECHO, "--log-level", "info").log()
