"""Plimsoll from the working tree, with its defaults: log, ids, metrics, limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.peers.peer import Peer, Site, Start
from benchmarks.workloads import Workload

RAW_ANSWERS = frozenset({"answer-1m", "stream"})


class Plimsoll(Peer):
    name = "plimsoll"
    title = "**Plimsoll**"
    distribution = "plimsoll-runtime"
    treats = (
        "a front and one worker process (with 4 slots: of 4 threads), log, ids and metrics on; decodes the body as "
        "UTF-8 for `run(data: str)`, encodes the result as JSON (the 1 MB answer and the stream are sent as they are)"
    )
    health = "/health/live"
    content_type = "application/json"
    in_short_run = True

    @property
    def requirements(self) -> Path | None:
        return None

    def start(self, site: Site, workload: Workload) -> Start:
        flags = ["--entry-script", str(self.home / "score.py"), "--port", str(site.port)]
        return Start([str(site.python), "-m", "plimsoll", *flags, "--threads", str(workload.slots)])

    def value(self, workload: Workload, answer: bytes) -> Any:
        return super().value(workload, answer) if workload.name in {*RAW_ANSWERS, "digits"} else json.loads(answer)
