"""A real Plimsoll server, started as a user would, and a small HTTP client for it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
from prometheus_client.parser import text_string_to_metric_families

from plimsoll.host.family.guardian import NAME as GUARDIAN
from support.living import living

PATIENCE_S = 60.0
"""Longest wait for anything; a bound against hanging, never a measured quantity."""


_PORTS = range(11_000, 32_000)
"""Below those that the kernel gives to clients (ip(7)): the thousands of some tests would take one that is still to be
bound."""
_given: set[int] = set()


def free_port() -> int:
    """Nobody's now, and given to no other test."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            if port not in _given:
                probe.bind(("127.0.0.1", port))
                _given.add(port)
                return port


def wait_for(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of `condition`."""
    deadline = time.monotonic() + patience_s
    over = False
    while not over:
        over = time.monotonic() > deadline  # asked before the condition: a machine that stood still gets one more look
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen within {patience_s} s")


@dataclass(frozen=True)
class Reply:
    """Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A small HTTP client of the server on a port of this machine."""

    port: int

    def is_ready(self) -> bool:
        try:
            return self.get("/health/ready").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, None, headers)

    def post(self, path: str, body: bytes, **headers: str) -> Reply:
        return self.request("POST", path, body, {"content_type": "application/json", **headers})

    def request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection):
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, names, response.read())

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name that carry these labels, among others."""
        text = self.get("/metrics").body.decode()
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def _is_front(child: psutil.Process) -> bool:
    try:
        return "plimsoll" in child.cmdline() and child.name() != GUARDIAN
    except psutil.NoSuchProcess:  # it has ended since it was listed
        return False


_NO_DRAIN = {"PLIMSOLL_DRAIN_SECONDS": "0"}
"""SageMaker's default is 5 s, for its load balancer; there is none here."""


class Server(Client):
    """``with Server(script_path, "--threads", "2") as server: server.post("/score", b"…")``.

    `stdout`: where its stdout goes, if not to the log. `before`: shell commands, ended by a separator, after which the
    same process becomes the server.
    """

    def __init__(
        self,
        script: Path,
        *flags: str,
        env: dict[str, str] | None = None,
        wait: bool = True,
        stdout: int | None = None,
        before: str = "",
    ) -> None:
        self.port = free_port()
        self.script = script
        self._log_path = script.parent / f"server-{self.port}.log"
        command = [sys.executable, "-m", "plimsoll", "--entry-script", str(script), "--port", str(self.port), *flags]
        if before:
            command = ["sh", "-c", f'{before} exec "$@"', "sh", *command]
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log if stdout is None else stdout,
                stderr=log,
                cwd=script.parent,
                env=os.environ
                | (_NO_DRAIN if any("sagemaker" in flag or flag == "serve" for flag in flags) else {})
                | (env or {}),
            )
        self._wait = wait

    def __enter__(self) -> Server:
        if self._wait:
            try:
                self.wait_ready()
            except BaseException:  # nobody calls __exit__ then, and what is left would load the machine
                self.__exit__(*sys.exc_info())
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tree = self.tree()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if error is not None:
            sys.stderr.write(self.log())

    def log(self) -> str:
        return self._log_path.read_text(errors="replace")

    def wait_ready(self) -> None:
        wait_for(self._ready_or_over, f"readiness of the server on port {self.port}")
        assert self.process.poll() is None, self.log()

    def wait_log(self, text: str) -> None:
        wait_for(lambda: text in self.log(), f"{text!r} in the log")

    def wait_exit(self) -> int:
        return self.process.wait(PATIENCE_S)

    def tree(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def front(self) -> psutil.Process:
        """Beside it the master has its guardian, and what was there before it became a server."""
        return next(child for child in psutil.Process(self.process.pid).children() if _is_front(child))

    def workers(self) -> list[psutil.Process]:
        return living(self.front().children())

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def _ready_or_over(self) -> bool:
        return self.process.poll() is not None or self.is_ready()


def _is_front(child: psutil.Process) -> bool:
    """Not where it has ended since it was listed."""
    try:
        return "plimsoll" in child.cmdline() and child.name() != GUARDIAN
    except psutil.NoSuchProcess:
        return False
