"""MLflow's scoring server: FastAPI, models on the threads of asyncio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.peers.bare import NO_BATCHES
from benchmarks.peers.peer import Peer, Site, Start
from benchmarks.workloads import Workload

_SLOTS = "the number of calls at a time cannot be set: asyncio's threads"

_LACKS = NO_BATCHES | {"sleep-20ms": _SLOTS, "single": _SLOTS, "stream": "does not stream from a pyfunc model"}


class Mlflow(Peer):
    name = "mlflow"
    title = "MLflow"
    distribution = "mlflow"
    treats = (
        "one uvicorn worker, the model on the threads of asyncio, so that several calls run at a time; reads "
        '`{"inputs": […]}` from JSON into a NumPy array, answers `{"predictions": […]}` as JSON; access log on'
    )
    path = "/invocations"
    health = "/ping"
    content_type = "application/json"
    lacks = _LACKS

    def prepare(self, python: Path, folder: Path) -> list[list[str]]:
        return [[str(python), str(self.home / "save.py"), str(folder / "model")]]

    def start(self, site: Site, workload: Workload) -> Start:
        where = ["--host", "127.0.0.1", "--port", str(site.port), "--workers", "1"]
        model = ["--model-uri", str(site.folder / "model"), "--env-manager", "local"]
        environment = {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": f"{site.python.parent}:/usr/bin:/bin"}
        return Start([site.script("mlflow"), "models", "serve", *model, *where], environment)

    def body(self, workload: Workload, payload: Any) -> bytes:
        return json.dumps({"inputs": [payload] if isinstance(payload, str) else payload}).encode()

    def value(self, workload: Workload, answer: bytes) -> Any:
        value = json.loads(answer)["predictions"]
        return value["predictions"] if workload.name == "digits" else value[0]
