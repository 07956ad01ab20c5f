"""Starlette on the same server as the bare application: what a framework adds."""

from __future__ import annotations

from benchmarks.peers.bare import Ceiling, gunicorn
from benchmarks.peers.peer import Site, Start
from benchmarks.workloads import Workload


class Starlette(Ceiling):
    name = "starlette"
    title = "Starlette"
    distribution = "starlette"
    treats = "the same server and model with a Starlette route: Request.body(), Response, StreamingResponse"

    def start(self, site: Site, workload: Workload) -> Start:
        return gunicorn(site, "app:app")
