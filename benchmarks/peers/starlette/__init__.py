"""Starlette on the same server as the bare application: what a framework adds."""

from __future__ import annotations

from benchmarks.peers.bare import NO_BATCHES, gunicorn
from benchmarks.peers.peer import Peer, Site, Start
from benchmarks.workloads import Workload


class Starlette(Peer):
    name = "starlette"
    title = "Starlette"
    distribution = "starlette"
    treats = "the same server and model with a Starlette route: Request.body(), Response, StreamingResponse"
    ceiling = True
    lacks = NO_BATCHES

    def start(self, site: Site, workload: Workload) -> Start:
        return gunicorn(site, "app:app")
