"""Asks MLServer every case: writes mlserver.json, which the tests compare with.

In an environment of its own: `pip install mlserver mlserver-sklearn 'uvloop<0.22'`, scikit-learn in the version of the
digits model that entry_scripts/sklearn/make_model.py has made; then
`python tests/contracts/v2/mlserver_record.py FOLDER_OF_THE_MODEL`.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mlserver_cases import CASES, Case

HERE = Path(__file__).resolve().parent
PORT = 18_080
PACKAGES = ("mlserver", "mlserver-sklearn", "scikit-learn", "numpy", "fastapi", "pydantic")


def models(folder: Path, digits: Path) -> None:
    sklearn = {"name": "digits", "implementation": "mlserver_sklearn.SKLearnModel"}
    identity = {"name": "identity", "implementation": "mlserver_models.Identity"}
    sklearn |= {"parameters": {"uri": str(next(digits.glob("**/*.joblib")))}}  # type: ignore[dict-item]
    for settings in (sklearn, identity):
        (home := folder / str(settings["name"])).mkdir()
        (home / "model-settings.json").write_text(json.dumps(settings))
    ports = {"http_port": PORT, "grpc_port": PORT + 1, "metrics_port": PORT + 2, "host": "127.0.0.1"}
    (folder / "settings.json").write_text(json.dumps(ports))
    (folder / "mlserver_models.py").write_text((HERE / "mlserver_models.py").read_text())


def ask(case: Case) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    headers = {"content-type": "application/json", **case.headers} if case.body is not None else case.headers
    connection.request(case.method, f"/v2/{case.path}".rstrip("/"), case.sent(), headers)
    reply = connection.getresponse()
    body = reply.read()
    try:
        said = json.loads(body)
    except ValueError:
        said = body.decode()
    connection.close()
    return {"status": reply.status, "type": reply.headers.get("content-type"), "body": said}


def wait_until_ready() -> None:
    for _ in range(600):
        try:
            if ask(Case("", "health/ready", method="GET"))["status"] == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise TimeoutError("MLServer did not become ready")


def main(digits: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        models(Path(name), digits)
        server = subprocess.Popen([Path(sys.executable).with_name("mlserver"), "start", name], cwd=name)
        try:
            wait_until_ready()
            answers = {title: ask(case) for title, case in CASES.items()}
        finally:
            server.terminate()
            server.wait()
    content = {"packages": {package: version(package) for package in PACKAGES}, "answers": answers}
    (HERE / "mlserver.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
