"""MLServer: the V2 inference protocol, worker processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.peers.peer import Peer, Site, Start, events
from benchmarks.served import work
from benchmarks.workloads import Workload

_INLINE_LACKS = {"sleep-20ms": "calls the model on its event loop, one at a time"}


class MlServer(Peer):
    """As it is by default."""

    name = "mlserver"
    title = "MLServer"
    distribution = "mlserver"
    treats = (
        "a front and one inference process (with 4 slots: 4; for the stream none, as its documentation asks); the text "
        "is a BYTES tensor, the digits an FP32 tensor of a V2 inference request, in JSON both ways; access log on"
    )
    path = "/v2/models/bench/infer"
    health = "/v2/health/live"
    content_type = "application/json"
    in_short_run = True

    def start(self, site: Site, workload: Workload) -> Start:
        streams = workload.name == "stream"
        model: dict[str, Any] = {"name": "bench", "implementation": "app.Model"}
        if workload.name == "batched":
            model |= {"max_batch_size": work.MOST_IN_BATCH, "max_batch_time": work.BATCH_WAIT_MS / 1000}
        settings: dict[str, Any] = {"host": "127.0.0.1", "http_port": site.port}
        settings |= {"grpc_port": site.spare[0], "metrics_port": site.spare[1]}
        settings |= {"parallel_workers": 0 if streams else self.processes(workload)}
        if streams:
            settings |= {"gzip_enabled": False, "metrics_endpoint": None}
        (site.folder / "settings.json").write_text(json.dumps(settings))
        (site.folder / "model-settings.json").write_text(json.dumps(model))
        return Start([site.script("mlserver"), "start", str(site.folder)])

    def processes(self, workload: Workload) -> int:
        """For inference; 0 is the server's own."""
        return workload.slots

    def target(self, workload: Workload) -> str:
        return f"{self.path}_stream" if workload.name == "stream" else self.path

    def body(self, workload: Workload, payload: Any) -> bytes:
        if isinstance(payload, str):
            tensor = {"name": "data", "shape": [1], "datatype": "BYTES", "data": [payload]}
        else:
            tensor = {"name": "data", "shape": [len(payload), len(payload[0])], "datatype": "FP32", "data": payload}
        return json.dumps({"inputs": [tensor]}).encode()

    def value(self, workload: Workload, answer: bytes) -> Any:
        if workload.name == "stream":
            return "".join(json.loads(event)["outputs"][0]["data"][0] for event in events(answer))
        outputs = {output["name"]: output["data"] for output in json.loads(answer)["outputs"]}
        return outputs["predictions"] if workload.name == "digits" else outputs["value"][0]


class MlServerInline(MlServer):
    """Faster, and as little isolated as the bare server: what the inference process costs."""

    name = "mlserver-inline"
    title = "MLServer, inline"
    treats = "the same without an inference process (`parallel_workers: 0`): the model on the event loop"
    in_short_run = False
    lacks = _INLINE_LACKS

    @property
    def home(self) -> Path:
        return MlServer().home

    def processes(self, workload: Workload) -> int:
        return 0
