"""mosec: a front in Rust, worker processes in Python."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.peer import Peer, Site, Start, events
from benchmarks.workloads import Workload


class Mosec(Peer):
    name = "mosec"
    title = "mosec"
    distribution = "mosec"
    treats = (
        "a front in Rust and one worker process (with 4 slots: 4); `deserialize` and `serialize` are overridden, so "
        "that bytes pass as they are; decoded as UTF-8 for the model; streams are server-sent events"
    )
    path = "/inference"
    health = "/"
    in_short_run = True

    def start(self, site: Site, workload: Workload) -> Start:
        flags = ["--address", "127.0.0.1", "--port", str(site.port), "--timeout", "60000"]
        flags += ["--max-request-size", str(64 << 20)]
        return Start([str(site.python), str(self.home / "app.py"), *flags])

    def value(self, workload: Workload, answer: bytes) -> Any:
        return "".join(events(answer)) if workload.name == "stream" else super().value(workload, answer)
