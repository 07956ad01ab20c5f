"""A started peer: its tree of processes, from the start to the last of them ending."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType

from benchmarks.folders import LOGS, MODEL, ROOT
from benchmarks.peers.peer import Peer, Site, Start
from benchmarks.workloads import Workload
from plimsoll.host.memory import GroupMemory, group_memory, read_memory
from plimsoll.host.parent import adopt_orphans
from plimsoll.host.processes import ProcessTree

_PATIENCE_S = 90.0
_GRACE_S = 10.0
_POLL_S = 0.005
_ANSWER_TIMEOUT_S = 60.0


class NotStarted(Exception):
    """A peer ended, or did not answer; the text has the end of its log."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes


class Server:
    """``with Server(peer, site, workload) as server:``; the tree is ended with the block."""

    def __init__(self, peer: Peer, site: Site, workload: Workload) -> None:
        self.peer, self.site, self.workload = peer, site, workload
        self._log = LOGS / f"{peer.name}-{workload.name}.log"
        self._log.parent.mkdir(parents=True, exist_ok=True)
        start = peer.start(site, workload)
        self.began_s = time.monotonic()
        self._process = self._popen(start)
        self._tree = ProcessTree(self._process.pid)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """SIGTERM, and SIGKILL to what is left of the tree after a while."""
        self._tree.end(_GRACE_S, self._process.poll)

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_answer(self, method: str, path: str, body: bytes | None) -> float:
        """Seconds from the start to the first 200."""
        while True:
            try:
                reply = self.request(method, path, body)
                if reply.status == 200:
                    return self.age_s
                last = f"the last answer was {reply.status} {reply.body[:200]!r}"
            except OSError as error:
                last = repr(error)
            self._check(last)
            time.sleep(_POLL_S)

    def wait_connection(self) -> float:
        """Seconds from the start to the first connection that is not refused."""
        while True:
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.site.port)) == 0:
                    return self.age_s
            self._check("no connection")
            time.sleep(_POLL_S)

    @property
    def age_s(self) -> float:
        return time.monotonic() - self.began_s

    def request(self, method: str, path: str, body: bytes | None) -> Reply:
        """Over a connection of its own; an OSError where no whole answer comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=_ANSWER_TIMEOUT_S)
        try:
            connection.request(method, path, body, {"Content-Type": self.peer.content_type})
            response = connection.getresponse()
            return Reply(response.status, response.read())
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()

    def memory(self) -> GroupMemory:
        """Of the whole tree."""
        memories = (read_memory(process.pid) for process in self._tree.members())
        return group_memory(memory for memory in memories if memory)

    def log_end(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])

    def _check(self, last: str) -> None:
        if self._process.poll() is not None:
            raise NotStarted(f"ended with code {self._process.returncode}: {self.log_end()}")
        if self.age_s > _PATIENCE_S:
            raise NotStarted(f"no answer within {_PATIENCE_S:.0f} s, {last}; its log: {self.log_end()}")

    def _popen(self, start: Start) -> subprocess.Popen[bytes]:
        ours = {
            "PYTHONPATH": f"{ROOT}:{self.peer.home}",
            "BENCH_WORKLOAD": self.workload.name,
            "BENCH_SLOTS": str(self.workload.slots),
            "BENCH_MODEL": str(MODEL),
        }
        with self._log.open("wb") as log:
            return subprocess.Popen(
                start.arguments,
                cwd=self.site.folder,
                env={**_inherited(), **ours, **start.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=adopt_orphans,  # survives exec: what a daemon leaves behind stays in this tree
            )


def _inherited() -> dict[str, str]:
    """Without what forbids compiled modules: an installed server has them, and the first start here makes them."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; held together, so that they differ."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
