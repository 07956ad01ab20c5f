"""What the harness must know of a server to start it, send it a workload's request and read its answer."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.workloads import Workload


@dataclass(frozen=True, slots=True)
class Site:
    """Where a peer runs: its Python, a folder for what it writes, and a port; `spare` are for further listeners."""

    python: Path
    folder: Path
    port: int
    spare: tuple[int, ...]

    def script(self, name: str) -> str:
        """A program of the peer's environment."""
        return str(self.python.parent / name)


@dataclass(frozen=True, slots=True)
class Start:
    """A command and what its environment has beyond the harness's own."""

    arguments: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)


class Peer(ABC):
    """Defaults fit a server that takes and returns bytes as they are; a subclass says how its peer differs.

    `treats` goes into the documentation: what the server does with a body before and after the model.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    distribution: ClassVar[str]
    treats: ClassVar[str]
    path: ClassVar[str] = "/score"
    health: ClassVar[str] = "/health"
    content_type: ClassVar[str] = "text/plain"
    ceiling: ClassVar[bool] = False
    in_short_run: ClassVar[bool] = False
    lacks: ClassVar[Mapping[str, str]] = {}
    """Workload → why this peer cannot run it."""

    @property
    def home(self) -> Path:
        return Path(__file__).parent / self.name

    @property
    def requirements(self) -> Path | None:
        """The versions of its environment; None for the environment of the harness."""
        return self.home / "requirements.txt"

    def prepare(self, python: Path, folder: Path) -> list[list[str]]:
        """Commands to run once, before the first start."""
        return []

    @abstractmethod
    def start(self, site: Site, workload: Workload) -> Start:
        """The command that serves the workload's model at the site."""

    def target(self, workload: Workload) -> str:
        """The path that this workload's requests go to."""
        return self.path

    def body(self, workload: Workload, payload: Any) -> bytes:
        """The request body that carries the payload."""
        return payload.encode() if isinstance(payload, str) else json.dumps({"data": payload}).encode()

    def value(self, workload: Workload, answer: bytes) -> Any:
        """What the model returned, read from the answer."""
        match workload.name:
            case "echo" | "answer-1m" | "stream":
                return answer.decode()
            case "digits":
                return json.loads(answer)["predictions"]
        return json.loads(answer)


def events(answer: bytes) -> list[str]:
    """The data of server-sent events."""
    return [line.removeprefix("data:").strip() for line in answer.decode().splitlines() if line.startswith("data:")]
