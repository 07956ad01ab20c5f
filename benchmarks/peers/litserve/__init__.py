"""LitServe: FastAPI in front, worker processes, JSON bodies."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.peers.peer import Peer, Site, Start
from benchmarks.workloads import Workload


class LitServe(Peer):
    name = "litserve"
    title = "LitServe"
    distribution = "litserve"
    treats = (
        'one API process and one worker process (with 4 slots: 4); reads `{"data": …}` from JSON in the API process, '
        'pickles it to the worker, and answers `{"output": …}` as JSON; access log on'
    )
    path = "/predict"
    content_type = "application/json"

    def start(self, site: Site, workload: Workload) -> Start:
        return Start([str(site.python), str(self.home / "app.py"), str(site.port)])

    def body(self, workload: Workload, payload: Any) -> bytes:
        return json.dumps({"data": payload}).encode()

    def value(self, workload: Workload, answer: bytes) -> Any:
        if workload.name == "stream":
            return answer.decode()
        output = json.loads(answer)["output"]
        return output["predictions"] if workload.name == "digits" else output
