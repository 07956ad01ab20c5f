"""The server under the storm, as its faults and its auditors see it."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from storm.clients import outcome
from storm.requests import Request, asking, posted
from storm.scripts.tokens import transformed
from storm.wire import Answer
from support.living import living
from support.server import Server, wait_for

MARK = "PLIMSOLL_STORM"
"""In the environment of the server, and so of everything that it starts, however far it runs away."""
_WORKER = "plimsoll.workers.child.main"
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.M)
_UNIQUE = re.compile(r"(?<=wgunicorn-)\w+|:\[\d+\]$")
"""What tells descriptors of one kind apart."""
_RSS_ANON = re.compile(r"^RssAnon:\s+(\d+) kB$", re.M)
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds: descriptors by kind, anonymous memory in bytes, threads.

    Anonymous memory is what proc(5) calls RssAnon. Private memory will not do: a page that master and front no longer
    share counts as private in both from then on, though neither holds a byte more.
    """

    descriptors: Counter[str]
    anonymous_bytes: int
    threads: int


@dataclass
class Scene:
    """`worker_count` workers of `threads` slots each are ready when the server is whole."""

    server: Server
    mark: str
    worker_count: int
    threads: int
    rng: random.Random
    outcomes: Counter[str] = field(default_factory=Counter)
    """Of the requests that the faults themselves have sent."""

    def ask(self, action: str, argument: object = 0, patience_s: float = 30.0) -> str:
        """Has the script do something; how that ended, in the words of storm.clients."""
        token = format(self.rng.getrandbits(64), "016x")
        body = asking(action, token, argument)
        request = Request(action, posted(body), body, f'"{transformed(token)}"'.encode())
        found = self._sent(request, patience_s)
        self.outcomes[f"{action}: {found}"] += 1
        return found

    def _sent(self, request: Request, patience_s: float) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=patience_s)
        with contextlib.closing(connection):
            try:
                connection.request("POST", "/score", request.body, {"Content-Type": "text/plain"})
                response = connection.getresponse()
                return outcome(request, Answer(response.status, [response.read()]))
            except TimeoutError:
                return "silence"
            except ConnectionRefusedError:
                return "refused"
            except (OSError, http.client.HTTPException):
                return "cut"

    def samples(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """Everything under /metrics."""
        text = self.server.get("/metrics").body.decode()
        return {
            (name, frozenset(_LABEL.findall(labels))): float(value) for name, labels, value in _SAMPLE.findall(text)
        }

    def gauge(self, name: str) -> float:
        return self.samples()[name, frozenset()]

    def is_whole(self) -> bool:
        """Every worker is ready."""
        try:
            # The processes are looked at as well: the front may not have noticed yet that one has ended.
            alive = len(self.workers()) == self.worker_count
            return alive and self.server.is_ready() and self.gauge("plimsoll_slots") == self.slots
        except (OSError, http.client.HTTPException, KeyError):
            return False

    @property
    def slots(self) -> int:
        return self.worker_count * self.threads

    def workers(self) -> list[psutil.Process]:
        """Those alive now; fewer, or none, while they or the front are being replaced."""
        with contextlib.suppress(psutil.NoSuchProcess, StopIteration):
            # What a worker has left behind is the front's child as well.
            return [child for child in self.server.workers() if _WORKER in child.cmdline()]
        return []

    def front(self) -> psutil.Process:
        """Waits for it while it is being replaced."""

        def found() -> psutil.Process | None:
            with contextlib.suppress(psutil.NoSuchProcess, StopIteration):
                return self.server.front()
            return None

        front = wait_for(found, "a front")
        assert isinstance(front, psutil.Process)
        return front

    def wait_whole(self) -> None:
        wait_for(self.is_whole, "all workers ready")

    def wait_idle(self) -> None:
        """Nobody waits, nothing runs."""
        names = ("plimsoll_queue_length", "plimsoll_requests_in_flight")
        wait_for(lambda: all(self.gauge(name) == 0 for name in names), "an empty queue and free slots", 30)

    def marked(self) -> list[psutil.Process]:
        """Every living process that stems from the server."""
        found = []
        wanted = f"{MARK}={self.mark}".encode()
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                if name.isdigit() and wanted in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    found.append(psutil.Process(int(name)))
        return living(found)


def footprint(process: psutil.Process) -> Footprint:
    folder = Path(f"/proc/{process.pid}/fd")
    kinds: Counter[str] = Counter()
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            kinds[_UNIQUE.sub("", str((folder / name).readlink()))] += 1
    return Footprint(kinds, _anonymous_bytes(process.pid), process.num_threads())


def _anonymous_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(_RSS_ANON.search(status)[1]) * 1024  # type: ignore[index]  # every process with memory has that line
