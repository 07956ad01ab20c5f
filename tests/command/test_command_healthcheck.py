"""`plimsoll healthcheck` against real servers: it finds where they listen, and says what is wrong with them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plimsoll.command.healthcheck import Place
from support.fixtures import Serve
from support.server import Server, free_port, wait_for

OK = "def init(): pass\ndef run(data): return data\n"
SLOW = "import time\ndef init(): time.sleep(600)\ndef run(data): return data\n"


def healthcheck(*arguments: str, folder: Path | None = None, **variables: str) -> tuple[int, str]:
    """Exit code and the one line."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLIMSOLL_", "AZUREML_", "AML_"))}
    done = subprocess.run(
        [sys.executable, "-m", "plimsoll", "healthcheck", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env=kept | variables,
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    return done.returncode, done.stdout.rstrip()


def test_a_ready_server(serve: Serve) -> None:
    server = serve(OK)
    assert healthcheck(PLIMSOLL_PORT=str(server.port)) == (0, f"ready: http://127.0.0.1:{server.port}/health/ready")
    assert healthcheck("--port", str(server.port))[0] == 0
    assert healthcheck(f"--port={server.port}", "--live")[1] == f"live: http://127.0.0.1:{server.port}/health/live"


def test_a_loading_server_lives_and_is_not_ready(serve: Serve) -> None:
    server = serve(SLOW, wait=False)
    port = str(server.port)
    wait_for(lambda: healthcheck("--live", "--port", port)[0] == 0, "the port to open")
    code, line = healthcheck("--port", port)
    assert code == 1
    assert line == f"http://127.0.0.1:{port}/health/ready answers 503: the model is loading"


def test_nobody_listens() -> None:
    port = free_port()
    code, line = healthcheck(PLIMSOLL_PORT=str(port))
    assert (code, line) == (1, f"no answer from http://127.0.0.1:{port}/health/ready: Connection refused")


def test_the_health_port_goes_before_the_port(serve: Serve) -> None:
    health_port = free_port()
    serve(OK, "--health-port", str(health_port))
    assert healthcheck(PLIMSOLL_PORT=str(free_port()), HEALTH_PORT=str(health_port))[0] == 0


def test_tls(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=scoring.example"]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    script = tmp_path / "score.py"
    script.write_text(OK)
    with Server(script, "--tls-cert", str(cert), "--tls-key", str(key), wait=False) as server:
        settings = {"PLIMSOLL_PORT": str(server.port), "PLIMSOLL_TLS_CERT": str(cert)}
        wait_for(lambda: healthcheck(**settings)[0] == 0, "readiness over TLS")
        assert healthcheck("--tls", PLIMSOLL_PORT=str(server.port))[0] == 0
        assert healthcheck(PLIMSOLL_PORT=str(server.port))[0] == 1


@pytest.mark.parametrize("key", ["port", "PLIMSOLL_PORT"])
def test_the_config_file_in_the_app_root(serve: Serve, tmp_path: Path, key: str) -> None:
    server = serve(OK)
    (tmp_path / "config.json").write_text(json.dumps({key: server.port}))
    assert healthcheck(AML_APP_ROOT=str(tmp_path))[0] == 0
    assert healthcheck(folder=tmp_path)[0] == 0
    named = tmp_path / "named.json"
    (tmp_path / "config.json").rename(named)
    assert healthcheck(AZUREML_CONFIG_FILE=str(named))[0] == 0


def test_no_config_file_is_read_where_an_empty_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"port": 8080}')
    found = {"AML_APP_ROOT": str(tmp_path)}
    assert Place(["plimsoll"], found).port() == "8080"
    assert Place(["plimsoll", "--config-file", "", "--max-queue", "1", ""], found).port() == "5001"


def test_the_app_root_of_an_inference_configuration(tmp_path: Path) -> None:
    """It counts where the configuration was named: before Azure's variable, which images set."""
    for name, port in (("src", 8080), ("other", 9090)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps({"port": port}))
    file = tmp_path / "inference.json"
    file.write_text('{"entryScript": "score.py", "sourceDirectory": "src"}')
    named, other = {"PLIMSOLL_INFERENCE_CONFIG_FILE": str(file)}, str(tmp_path / "other")
    flag = ["plimsoll", "--inference-config-file", str(file), ""]
    assert Place(["plimsoll"], named).port() == "8080"
    assert Place(["plimsoll"], {**named, "AML_APP_ROOT": other}).port() == "8080"
    assert Place(["plimsoll"], {**named, "PLIMSOLL_APP_ROOT": other}).port() == "9090"
    assert Place(flag, {"PLIMSOLL_APP_ROOT": other}).port() == "8080"
    assert Place([*flag[:-1], "--app-root", other, ""], {}).port() == "9090"


@pytest.mark.parametrize(
    ("command", "environment", "port", "host", "tls"),
    [
        ("tini -g -- plimsoll", {}, "5001", "127.0.0.1", False),
        ("tini -g -- plimsoll --port 8080", {"PLIMSOLL_PORT": "1"}, "8080", "127.0.0.1", False),
        ("tini -g -- plimsoll --port=1 --port=8080", {}, "8080", "127.0.0.1", False),
        ("python /usr/local/bin/plimsoll --health_port 9 --port 8080", {}, "9", "127.0.0.1", False),
        ("tini -g -- plimsoll --tls-cert /c.pem --host 10.0.0.7", {}, "5001", "10.0.0.7", True),
        ("tini -g -- plimsoll --host ::", {}, "5001", "::1", False),
        ("/sbin/init --port 80", {"PLIMSOLL_HOST": "0.0.0.0"}, "5001", "127.0.0.1", False),
    ],
)
def test_flags_of_the_first_process(command: str, environment: dict[str, str], port: str, host: str, tls: bool) -> None:
    place = Place([*command.split(), ""], environment)
    assert (place.port(), place.host(), place.tls()) == (port, host, tls)


def test_no_answer_in_time(serve: Serve) -> None:
    server = serve(OK)
    server.front().send_signal(signal.SIGSTOP)
    try:
        begin_s = time.monotonic()
        code, line = healthcheck("--port", str(server.port), "--timeout", "0.5")
        assert (code, line.rpartition(": ")[2]) == (1, "timed out")
        assert time.monotonic() - begin_s >= 0.5
    finally:
        server.front().send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--prot", "1"], "unknown argument '--prot'"),
        (["--port", "x"], "invalid literal for int() with base 10: 'x'"),
        (["--port"], "no answer"),
    ],
)
def test_bad_arguments_end_with_1(arguments: list[str], said: str) -> None:
    code, line = healthcheck(*arguments, PLIMSOLL_PORT=str(free_port()))
    assert code == 1
    assert said in line


def test_it_imports_next_to_nothing() -> None:
    """Every few seconds beside the model: what the server needs must not come along."""
    program = "import sys; from plimsoll.command.healthcheck import main; main([]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    heavy = {"click", "pydantic", "gunicorn", "starlette", "http.client", "ssl", "asyncio", "logging", "argparse"}
    assert not heavy & set(done.stdout.split())


@pytest.mark.parametrize(
    ("command", "variables", "port"),
    [
        (("tini", "--", "/usr/local/bin/plimsoll", "serve"), {}, "8080"),
        (("plimsoll", "serve"), {"SAGEMAKER_BIND_TO_PORT": "9000"}, "9000"),
        (("plimsoll", "serve"), {"PLIMSOLL_PORT": "1"}, "1"),
        (("plimsoll",), {"AIP_HTTP_PORT": "9001"}, "9001"),
        (("plimsoll", "--contract", "vertex"), {}, "8080"),
        (("plimsoll", "--contract=azureml"), {"AIP_HTTP_PORT": "9001"}, "5001"),
        (("plimsoll",), {"PLIMSOLL_CONTRACT": "sagemaker"}, "8080"),
        (("plimsoll", "serve"), {"SAGEMAKER_MULTI_MODEL": "true"}, "5001"),
    ],
)
def test_the_port_follows_the_contract(command: tuple[str, ...], variables: dict[str, str], port: str) -> None:
    assert Place(command, variables).port() == port
