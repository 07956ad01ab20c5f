"""Where settings come from when they are not flags: Azure's names, a config file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from plimsoll.host.cpus import describe_host
from support.fixtures import Serve, WriteScript
from support.server import free_port, wait_for

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
        ('{"wokers": 2}', "config file settings.json: unknown key 'wokers' (see plimsoll --help for the names)"),
        ('{"workers": 0}', "settings.json: workers = 0: input should be greater than or equal to 1"),
        (
            '{"SCORING_TIMEOUT_MS": "soon"}',
            "settings.json: SCORING_TIMEOUT_MS = 'soon': input should be a valid integer",
        ),
    ],
)
def test_a_config_file_that_was_named_must_be_right(serve: Serve, folder: Path, content: str, message: str) -> None:
    (folder / "settings.json").write_text(content)
    server = serve(ECHO, "--config-file", "settings.json", wait=False)
    assert server.wait_exit() == 1
    assert message in server.log()
    assert server.log().count("\n") == 1


def test_a_models_own_config_json_disturbs_nothing(serve: Serve, folder: Path) -> None:
    (folder / "config.json").write_text('{"hidden_size": 768, "architectures": ["Bert"]}')
    assert serve(ECHO).post("/score", b"1").status == 200


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


@pytest.mark.parametrize("path", ["/", "/swagger.json"])
def test_options_of_the_other_routes(serve: Serve, path: str) -> None:
    reply = serve(ECHO).request("OPTIONS", path, None, {})
    assert (reply.status, reply.body, reply.headers["allow"]) == (200, b"", "GET, HEAD, OPTIONS")


def test_a_built_in_script_that_does_not_exist(serve: Serve) -> None:
    server = serve(ECHO, "--entry-script", "builtin:nope", wait=False)
    assert server.wait_exit() == 3
    assert "onnx" in server.log()


def test_workers_and_threads_follow_the_tag_beside_the_model(serve: Serve, folder: Path) -> None:
    (folder / "model").mkdir()
    tag = {"profileName": "x", "profiledTime": "2026-01-01T00:00:00Z", "grade": "verified", "workers": 2, "threads": 3}
    needs = {"requestedCpu": 1, "cpuLimit": 1, "requestedMemoryInGb": 1, "requestedMemoryBytes": 10**9}
    (folder / "model" / "plimsoll.json").write_text(json.dumps(tag | needs))
    tagged = serve(ECHO, "--model-dir", "model")
    wait_for(lambda: tagged.metric("plimsoll_slots") == 6, "two workers of three threads")
    told = serve(ECHO, "--model-dir", "model", "--workers", "1")
    wait_for(lambda: told.metric("plimsoll_slots") == 1, "one worker of one thread")
