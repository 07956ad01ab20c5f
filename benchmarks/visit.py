"""One visit: a peer is started with a workload, checked, loaded, checked again and ended."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.answers import verify
from benchmarks.folders import PEERS
from benchmarks.load import streams, wrk
from benchmarks.load.figures import Client, Figures
from benchmarks.load.probes import Probes
from benchmarks.measure.gate import Gate, Measured
from benchmarks.measure.server import Server, free_ports
from benchmarks.peers.peer import Peer, Site
from benchmarks.sample import Sample
from benchmarks.workloads import Workload

_SMALL_BYTES = 100
_REST_S = 1.0
_LATER_S = 30.0
_WARM_UP_S = 1
_MB = 1e6


@dataclass(frozen=True, slots=True)
class _Started:
    server: Server
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Visit:
    """`last`: the round whose memory is looked at once more, half a minute after the load."""

    peer: Peer
    python: Path
    workload: Workload
    round: int
    last: bool
    seconds: int
    gate: Gate

    def samples(self) -> Iterator[Sample]:
        started = self.gate.measure_start(self._start, lambda started: started.server.end())
        with started.value.server as server:
            if self.workload.kind == "start" or self.workload.name == "echo":
                yield self._sample(0, started.value.figures, started)
            if self.workload.kind != "start":
                yield from self._loads(server)

    def start(self) -> Server:
        """The server, ready."""
        return self._start().server

    def rehearse(self) -> None:
        """Starts, checks and ends the server."""
        with self.start() as server:
            verify(server)

    def _start(self) -> _Started:
        """Seconds from the start of the process to the first connection, health answer and answer of the model."""
        server = Server(self.peer, self._site(), self.workload)
        small = replace(self.workload, request_bytes=_SMALL_BYTES)
        body = self.peer.body(self.workload, small.payload(0))
        try:
            figures = {}
            if self.workload.kind == "start":
                figures["connection_s"] = server.wait_connection()
                figures["health_s"] = server.wait_answer("GET", self.peer.health, None)
            figures["start_s"] = server.wait_answer("POST", self.peer.target(self.workload), body)
        except BaseException:
            server.end()
            raise
        return _Started(server, figures)

    def _loads(self, server: Server) -> Iterator[Sample]:
        time.sleep(_REST_S)
        memory = _memory(server, "idle")
        verify(server)
        for connections in self.workload.connections:
            self.load(server, connections, _WARM_UP_S)
            measured = self.gate.measure(server.pid, partial(self._load_with_probes, server, connections))
            yield self._sample(connections, _figures(measured), measured)
        if "memory" in self.workload.extras:
            time.sleep(_REST_S)
            memory |= _memory(server, "loaded")
            if self.last and "memory later" in self.workload.extras:
                time.sleep(_LATER_S)
                memory |= _memory(server, "later")
            yield Sample(self.peer.name, self.workload.name, 0, self.round, memory, 0.0, True, 1)
        verify(server)

    def _load_with_probes(self, server: Server, connections: int) -> tuple[Figures, float | None]:
        if "probe" not in self.workload.extras:
            return self.load(server, connections, self.seconds), None
        with Probes(server.site.port, self.peer.health, self.seconds) as probes:
            return self.load(server, connections, self.seconds), probes.p99_ms()

    def load(self, server: Server, connections: int, seconds: int) -> Figures:
        client: Client = streams.run if self.workload.kind == "stream" else wrk.run
        target = self.peer.target(self.workload)
        with tempfile.NamedTemporaryFile() as body:
            body.write(self.peer.body(self.workload, self.workload.payload(0)))
            body.flush()
            return client(server.site.port, target, Path(body.name), self.peer.content_type, connections, seconds)

    def _site(self) -> Site:
        folder = PEERS / self.peer.name
        folder.mkdir(parents=True, exist_ok=True)
        port, *spare = free_ports(3)
        return Site(self.python, folder, port, tuple(spare))

    def _sample(self, connections: int, figures: dict[str, float], measured: Measured[Any]) -> Sample:
        return Sample(
            self.peer.name,
            self.workload.name,
            connections,
            self.round,
            figures,
            measured.usage.disturbance,
            measured.quiet,
            measured.attempts,
        )


def _memory(server: Server, when: str) -> dict[str, float]:
    """PSS leaves a part of a file to other processes that map it, this one too; `held` counts files in full."""
    memory = server.memory()
    return {f"{when}_mb": memory.pss_bytes / _MB, f"{when}_held_mb": memory.held_bytes / _MB}


def _figures(measured: Measured[tuple[Figures, float | None]]) -> dict[str, float]:
    load, probe_p99_ms = measured.value
    figures = {
        "rate": load.requests / load.seconds,
        "p50_ms": load.p50_ms,
        "p99_ms": load.p99_ms,
        "cpu_us": measured.usage.server_s / load.requests * 1e6,
    }
    if load.first_ms is not None:
        figures["first_ms"] = load.first_ms
    if probe_p99_ms is not None:
        figures["probe_p99_ms"] = probe_p99_ms
    return figures
