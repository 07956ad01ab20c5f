"""A Plimsoll server as a step needs it: started by the same command as a user's, ended with the block."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shlex
import signal
import socket
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.folders import ROOT
from plimsoll.host.children import start_child
from plimsoll.host.processes import ProcessTree

SCRIPTS = Path(__file__).parent / "scripts"
_READY_S, _GRACE_S, _POLL_S = 60.0, 5.0, 0.02


def child_environment(own: Mapping[str, str]) -> dict[str, str]:
    """With our scripts' imports; what is hidden or shared out by whoever started us does not reach the child."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), **own}


def shown(command: list[str]) -> str:
    """As a user would type it, with the folder of a step as FOLDER."""
    return re.sub(r"[^\s'=]*/gpu-proof-\w+", "FOLDER", shlex.join(["plimsoll", *command[3:]]).replace(f"{ROOT}/", ""))


class Served:
    """``with Served(folder, "truth.py", {"PROOF_DEVICE": "cpu"}, "--gpu", "off") as server:``; ready unless told."""

    def __init__(
        self, folder: Path, script: str, environment: Mapping[str, str], *flags: str, wait: bool = True
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._log = folder / f"server-{self.port}.log"
        plain = [sys.executable, "-m", "plimsoll", "--entry-script", str(SCRIPTS / script), *flags]
        variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        self.command = f"{variables} {shown(plain)}".strip()
        with self._log.open("wb") as log:
            self.process = start_child(
                [*plain, "--port", str(self.port)],
                signal.SIGTERM,
                cwd=folder,
                env=child_environment(environment),
                stdout=log,
                stderr=log,
            )
        self._tree = ProcessTree(self.process.pid)
        self._wait = wait

    def __enter__(self) -> Self:
        if self._wait:
            self.wait_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self._tree.end(_GRACE_S, self.process.poll)

    def wait_ready(self) -> None:
        if (code := self.wait_decided()) is not None:
            raise RuntimeError(f"the server ended with code {code}: {self.last_line()}")

    def wait_decided(self) -> int | None:
        """Its exit code if it ends, None once it is ready."""
        until_s = time.monotonic() + _READY_S
        while time.monotonic() < until_s:
            with contextlib.suppress(OSError):
                if self.request("GET", "/health/ready")[0] == 200:
                    return None
            if (code := self.process.poll()) is not None:
                return code
            time.sleep(_POLL_S)
        raise TimeoutError(f"the server was not ready within {_READY_S:.0f} s: {self.last_line()}")

    def last_line(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "its log is empty"

    def post(self, body: bytes) -> tuple[int, str]:
        return self.request("POST", "/score", body)

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_READY_S)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": "application/octet-stream"})
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")

    def metrics(self) -> dict[str, float]:
        """The sums of all samples, by name."""
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(self.request("GET", "/metrics")[1]):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
        return found

    def latencies_s(self, body: bytes, count: int) -> list[float]:
        """One call after the other."""
        found = []
        for _ in range(count):
            begun_s = time.perf_counter()
            status, text = self.post(body)
            if status != 200:
                raise RuntimeError(f"a call was answered with {status}: {text[:200]}")
            found.append(time.perf_counter() - begun_s)
        return found

    def median_s(self, body: bytes, count: int = 30) -> float:
        return statistics.median(self.latencies_s(body, count))
