"""BentoML: one process, synchronous models on threads."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.peers.peer import Peer, Site, Start
from benchmarks.workloads import Workload


class BentoMl(Peer):
    name = "bentoml"
    title = "BentoML"
    distribution = "bentoml"
    treats = (
        'one server process, the model on one of its threads (with 4 slots: 4); reads `{"data": …}` from JSON through '
        "pydantic, answers text as it is and everything else as JSON; access log on"
    )
    health = "/livez"
    content_type = "application/json"

    def start(self, site: Site, workload: Workload) -> Start:
        flags = ["--host", "127.0.0.1", "--port", str(site.port), "--working-dir", str(self.home)]
        quiet = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(site.folder)}
        return Start([site.script("bentoml"), "serve", "app:Bench", *flags], quiet)

    def body(self, workload: Workload, payload: Any) -> bytes:
        return json.dumps({"data": [payload] if workload.name == "batched" else payload}).encode()

    def value(self, workload: Workload, answer: bytes) -> Any:
        value = super().value(workload, answer)
        return value[0] if workload.name == "batched" else value
