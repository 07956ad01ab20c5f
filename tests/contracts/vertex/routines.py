"""What Google's own server of custom prediction routines answers: writes routines.json, which the tests compare with.

In an environment of its own: `pip install 'google-cloud-aiplatform[prediction]'`, then
`python tests/contracts/vertex/routines.py`.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vertex_cases import CASES, HEALTH, PREDICT, PREDICTOR, WEIGHTS_FILE, Case

_PACKAGES = ("google-cloud-aiplatform", "fastapi", "starlette", "uvicorn")


@contextlib.contextmanager
def serving() -> Iterator[int]:
    port = random.randrange(11_000, 29_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "own_predictor.py").write_text(PREDICTOR)
        (folder / "weights.json").write_text(WEIGHTS_FILE)
        process = _start(folder, port)
        try:
            _wait(port)
            yield port
        finally:
            process.terminate()
            process.wait()


def _start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    variables = {
        "AIP_HTTP_PORT": str(port),
        "AIP_HEALTH_ROUTE": HEALTH,
        "AIP_PREDICT_ROUTE": PREDICT,
        "AIP_STORAGE_URI": str(folder),
        "HANDLER_MODULE": "google.cloud.aiplatform.prediction.handler",
        "HANDLER_CLASS": "PredictionHandler",
        "PREDICTOR_MODULE": "own_predictor",
        "PREDICTOR_CLASS": "OwnPredictor",
        "PYTHONPATH": str(folder),
        "VERTEX_CPR_WEB_CONCURRENCY": "1",
    }
    command = [sys.executable, "-m", "google.cloud.aiplatform.prediction.model_server"]
    return subprocess.Popen(
        command, env=os.environ | variables, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _wait(port: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if asked(port, CASES["health"])["status"] == 200:
                return
        time.sleep(0.2)
    raise TimeoutError("the model server does not answer")


def asked(port: int, case: Case) -> dict[str, Any]:
    headers = {**case.headers}
    if case.content_type is not None:
        headers["Content-Type"] = case.content_type
    if case.accept is not None:
        headers["Accept"] = case.accept
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(case.method, case.path, skip_accept_encoding=True)
    for name, value in (headers | {"Content-Length": str(len(case.body))}).items():
        connection.putheader(name, value)
    connection.endheaders(case.body)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return {
        "status": response.status,
        "content_type": response.getheader("content-type"),
        "body": base64.b64encode(body).decode(),
    }


def main() -> None:
    with serving() as port:
        answers = {name: asked(port, case) for name, case in CASES.items()}
    content = {"versions": {name: version(name) for name in _PACKAGES}, "answers": answers}
    Path(__file__).with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
