"""Ray Serve: a proxy and replica processes on a Ray cluster of one node."""

from __future__ import annotations

from benchmarks.peers.peer import Peer, Site, Start
from benchmarks.workloads import Workload


class RayServe(Peer):
    name = "ray"
    title = "Ray Serve"
    distribution = "ray"
    treats = (
        "a proxy and one replica process (with 4 slots: 4) beside Ray's own processes, without the dashboard; the "
        "replica gets a Starlette request and decodes its body as UTF-8; access log on"
    )
    health = "/-/healthz"

    def start(self, site: Site, workload: Workload) -> Start:
        quiet = {"RAY_USAGE_STATS_ENABLED": "0"}
        return Start([str(site.python), str(self.home / "app.py"), str(site.port)], quiet)
