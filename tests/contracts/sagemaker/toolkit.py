"""What SageMaker's own toolkit answers to each case: writes toolkit.json, which the tests compare with.

In an environment of its own, with Java: `pip install sagemaker-inference multi-model-server 'setuptools<80'`, then
`python tests/contracts/sagemaker/toolkit.py`. The toolkit runs as in AWS's images: in the multi-model server.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import sagemaker_inference
from sagemaker_cases import CASES, SCRIPTS, WEIGHTS_FILE, Case

_PACKAGES = ("sagemaker-inference", "multi-model-server", "numpy", "scipy")
_PROPERTIES = """\
enable_envvars_config=true
decode_input_request=false
load_models=ALL
default_response_timeout=60
default_workers_per_model=1
inference_address=http://127.0.0.1:{port}
management_address=http://127.0.0.1:{port}
default_service_handler=sagemaker_inference.default_handler_service
"""
"""What sagemaker_inference.model_server writes to /etc, on an address of our own."""


@contextlib.contextmanager
def serving(script: str) -> Iterator[int]:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), random.randrange(11_000, 29_000)  # it takes none of the kernel's own choice
        code = folder / "model" / "code"
        code.mkdir(parents=True)
        (code / "inference.py").write_text(script)
        (folder / "model" / "weights.json").write_text(WEIGHTS_FILE)
        (folder / "properties").write_text(_PROPERTIES.format(port=port))
        process = _start(folder, code)
        try:
            _wait(port)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _start(folder: Path, code: Path) -> subprocess.Popen[bytes]:
    log = Path(sagemaker_inference.__file__).parent / "etc" / "log4j2.xml"
    logs = str(folder / "logs")
    variables = {"PYTHONPATH": str(code), "LOG_LOCATION": logs, "METRICS_LOCATION": logs, "TMPDIR": str(folder)}
    variables["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [sys.executable, str(Path(sys.executable).with_name("multi-model-server")), "--start", "--foreground"]
    command += ["--model-store", "/", "--mms-config", str(folder / "properties"), "--log-config", str(log)]
    command += ["--models", f"model={folder / 'model'}"]
    return subprocess.Popen(
        command,
        env=os.environ | variables,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait(port: int) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            if asked(port, Case("", b"", None, method="GET", path="/ping"))["status"] == 200:
                return
        time.sleep(0.2)
    raise TimeoutError("the multi-model server does not answer")


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
        "attributes": response.getheader("X-Amzn-SageMaker-Custom-Attributes"),
        "body": base64.b64encode(body).decode(),
    }


def main() -> None:
    answers: dict[str, Any] = {}
    for name, script in SCRIPTS.items():
        with serving(script) as port:
            answers |= {key: asked(port, case) for key, case in CASES.items() if case.script == name}
        print(name, flush=True)
    in_order = {name: answers[name] for name in CASES}
    content = {"versions": {name: version(name) for name in _PACKAGES}, "answers": in_order}
    Path(__file__).with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
