"""The server under test: starts it as a tree of its own, asks whether it is ready, ends it for certain."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from plimsoll.host.parent import tie_to_parent
from plimsoll.host.processes import ProcessTree
from plimsoll.profiling.measure.command import HOST, command_environment, command_line

_ASK_TIMEOUT_S = 2.0
_QUOTED_LINES = 5
# What a process writes into `cgroup.procs` to move itself.
_MYSELF = b"0"
_ERROR_PREFIX = "plimsoll: error: "


class ServerProcess:
    """A server on a free port of the loopback interface; its output is added to `log`.

    `cpus` are those it may use, `groups` the control groups' `cgroup.procs` that it joins before it becomes a server,
    `variables` what is added to its environment.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        cpus: Sequence[int] | None,
        groups: Sequence[Path] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.port = _free_port()
        self._log = log
        self._log_begins = log.stat().st_size if log.exists() else 0
        doors = [os.open(group, os.O_WRONLY) for group in groups]
        tie = tie_to_parent(signal.SIGTERM)

        def prepare() -> None:
            tie()
            if cpus:
                os.sched_setaffinity(0, cpus)
            for door in doors:
                os.write(door, _MYSELF)

        with log.open("ab") as output, contextlib.ExitStack() as opened:
            for door in doors:
                opened.callback(os.close, door)
            self._process = subprocess.Popen(
                command_line(arguments, self.port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=command_environment(os.environ, variables or {}),
                preexec_fn=prepare,
            )
        self.tree = ProcessTree(self._process.pid)

    def exit_code(self) -> int | None:
        """None while the root process runs; negative for a signal."""
        return self._process.poll()

    def readiness(self) -> tuple[bool, str]:
        """Whether `/health/ready` answers 200, and what it says."""
        try:
            status, text = self._get("/health/ready")
            return status == http.HTTPStatus.OK, text.strip()
        except (OSError, http.client.HTTPException) as error:
            return False, str(error)

    def metrics(self) -> str:
        """What `/metrics` says; empty where it cannot be had."""
        try:
            status, text = self._get("/metrics")
            return text if status == http.HTTPStatus.OK else ""
        except (OSError, http.client.HTTPException):
            return ""

    def _get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_ASK_TIMEOUT_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def last_lines(self, count: int = _QUOTED_LINES) -> list[str]:
        """The end of the server's output, empty lines left out."""
        text = self._log.read_bytes()[self._log_begins :].decode("utf-8", "replace")
        return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]

    def last_error(self) -> str:
        """The server's own error line, else the last line it wrote."""
        lines = self.last_lines(count=200)
        errors = [line.removeprefix(_ERROR_PREFIX) for line in lines if line.startswith(_ERROR_PREFIX)]
        return (errors or lines or ["it wrote nothing"])[-1]

    def stop(self, grace_s: float) -> None:
        """SIGTERM, then SIGKILL for all that is left after `grace_s`."""
        self.tree.end(grace_s, self._process.poll)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Whoever interrupts wants the machine back, not a drained server.
        self.stop(grace_s=0.5 if kind is not None else 3.0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
