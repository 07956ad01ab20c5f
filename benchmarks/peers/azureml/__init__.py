"""azureml-inference-server-http, whose scripts Plimsoll serves unchanged."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.bare import NO_BATCHES
from benchmarks.peers.peer import Site, Start
from benchmarks.peers.plimsoll import Plimsoll
from benchmarks.workloads import Workload


class AzureMl(Plimsoll):
    name = "azureml"
    title = "azureml-inference-server-http"
    distribution = "azureml-inference-server-http"
    treats = (
        "gunicorn with one synchronous worker (with 4 slots: 4 worker processes), which closes the connection after "
        "every answer; access log on; bodies and results as with Plimsoll"
    )
    health = "/"
    lacks = NO_BATCHES

    @property
    def requirements(self) -> Path:
        return self.home / "requirements.txt"

    def start(self, site: Site, workload: Workload) -> Start:
        flags = ["--entry_script", str(self.home / "score.py"), "--port", str(site.port)]
        return Start([site.script("azmlinfsrv"), *flags, "--worker_count", str(workload.slots)])
