"""The server under test: starts it as a tree of its own, asks whether it is ready, ends it for certain."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from plimsoll.host.children import start_child
from plimsoll.host.processes import ProcessTree
from plimsoll.profiling.measure.command import HOST, command_environment, command_line

_ASK_TIMEOUT_S = 2.0
_QUOTED_LINES = 5
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
        with log.open("ab") as output:
            self._process = start_child(
                command_line(arguments, self.port),
                signal.SIGTERM,
                cpus,
                groups,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=command_environment(os.environ, variables or {}),
            )
        self.tree = ProcessTree(self._process.pid)

    def exit_code(self) -> int | None:
        """None while the root process runs; negative for a signal."""
        return self._process.poll()

    def readiness(self) -> tuple[bool, str]:
        """Whether `/health/ready` answers 200, and what it says."""
        status, text = self._get("/health/ready")
        return status == http.HTTPStatus.OK, text.strip()

    def metrics(self) -> str:
        """What `/metrics` says; empty where it cannot be had."""
        status, text = self._get("/metrics")
        return text if status == http.HTTPStatus.OK else ""

    def _get(self, path: str) -> tuple[int, str]:
        """Status 0 and the reason where there is no answer."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=_ASK_TIMEOUT_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            connection.close()

    def last_lines(self, count: int = _QUOTED_LINES) -> list[str]:
        text = self._log.read_bytes()[self._log_begins :].decode("utf-8", "replace")
        return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]

    def last_error(self) -> str:
        lines = self.last_lines(count=200)
        errors = [line.removeprefix(_ERROR_PREFIX) for line in lines if line.startswith(_ERROR_PREFIX)]
        return (errors or lines or ["it wrote nothing"])[-1]

    def stop(self, grace_s: float) -> None:
        """SIGTERM, then SIGKILL for all that is left after `grace_s`."""
        self.tree.end(grace_s, self._process.poll)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Whoever interrupts wants the machine back, not a drained server.
        self.stop(grace_s=0.5 if kind is not None else 3.0)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
