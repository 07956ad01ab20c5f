"""One running container: requests, log, signals, commands inside, its end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from support.server import PATIENCE_S, Client, wait_for

Call = Callable[..., subprocess.CompletedProcess[str]]

# A framework is read from a fresh image, by a machine that may be at a fraction of its speed.
_READY_S = 4 * PATIENCE_S
# What a careful cluster allows a container.
_HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


@dataclass(frozen=True)
class Limits:
    """How a container is run. `memory` as the engines write it ("512m"), swap not included; mounts are read-only."""

    memory: str | None = None
    cpus: float | None = None
    hardened: bool = False
    user: str | None = None
    mounts: Mapping[Path, str] = field(default_factory=dict)
    writable: Mapping[Path, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def flags(self) -> list[str]:
        """For `run`."""
        flags = ["--memory", self.memory, "--memory-swap", self.memory] if self.memory else []
        flags += ["--cpus", f"{self.cpus:g}"] if self.cpus else []
        flags += _HARDENED if self.hardened else []
        flags += ["--user", self.user] if self.user else []
        flags += [part for pair in self.env.items() for part in ("--env", "=".join(pair))]
        flags += [part for source, target in self.mounts.items() for part in ("--volume", f"{source}:{target}:ro")]
        return flags + [part for pair in self.writable.items() for part in ("--volume", f"{pair[0]}:{pair[1]}")]


class Container(Client):
    """``with engine.run(image, "--threads", "2") as container: container.post("/score", b"…")``."""

    def __init__(self, call: Call, name: str, port: int, wait: bool) -> None:
        self._call = call
        self.name = name
        self.port = port
        self._wait = wait

    def __enter__(self) -> Container:
        if self._wait:
            self.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            sys.stderr.write(self.logs())
        # Removing alone would send SIGTERM first and wait.
        self._call("kill", self.name)
        self._call("rm", "--force", self.name)

    def wait_ready(self) -> None:
        wait_for(lambda: self.is_ready() or not self.running(), "readiness of the container", _READY_S)
        assert self.running(), self.logs()

    def running(self) -> bool:
        return self._checked("inspect", "--format", "{{.State.Running}}", self.name) == "true"

    def logs(self) -> str:
        """Both streams."""
        result = self._call("logs", self.name)
        return result.stdout + result.stderr

    def wait_log(self, text: str) -> None:
        wait_for(lambda: text in self.logs(), f"{text!r} in the container's log")

    def kill(self, signal: str) -> None:
        self._checked("kill", "--signal", signal, self.name)

    def wait(self) -> int:
        """The exit status; 137 is what a kill leaves."""
        return int(self._call("wait", self.name, timeout_s=PATIENCE_S).stdout)

    def exec(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command inside, as the image's user."""
        return self._call("exec", self.name, *command)

    def _checked(self, *arguments: str) -> str:
        result = self._call(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()
