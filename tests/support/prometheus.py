"""A real Prometheus, and its promtool: Debian's packages, started by hand on loopback."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.server import PATIENCE_S, free_port, wait_for

Json = dict[str, Any]


def check_rules(file: Path) -> None:
    """As `promtool check rules` does: the syntax of every expression, and of templates."""
    done = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr


def unit_tests(folder: Path, groups: Json, tests: Sequence[Json]) -> str:
    """What `promtool test rules` finds wrong; nothing where every expectation holds."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(groups))
    content = {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [*tests]}
    file = folder / "tests.yaml"
    file.write_text(yaml.safe_dump(content, width=1000))
    command = ["promtool", "test", "rules", str(file)]
    # It makes a database on the disk for each test, and waits until that is written.
    done = subprocess.run(command, capture_output=True, text=True, timeout=5 * PATIENCE_S)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    port: int

    def query(self, expression: str) -> list[Json]:
        """The series that an instant query returns. Raises AssertionError where Prometheus cannot read it."""
        found: list[Json] = self._ask("query", query=expression)["result"]
        return found

    def targets(self) -> list[Json]:
        found: list[Json] = self._ask("targets")["activeTargets"]
        return found

    def dropped(self) -> list[Json]:
        """Targets that relabelling has taken out."""
        found: list[Json] = self._ask("targets")["droppedTargets"]
        return found

    def rules(self) -> list[Json]:
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def _ask(self, path: str, **parameters: str) -> Json:
        address = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE_S) as reply:
                content: Json = json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error
        return content


@contextlib.contextmanager
def prometheus(folder: Path, configuration: Mapping[str, Any]) -> Iterator[Prometheus]:
    """Ready, with its data in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(dict(configuration)))
    running, log = Prometheus(free_port()), folder / "prometheus.log"
    command = ["prometheus", f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with log.open("wb") as stream:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{running.port}"], stderr=stream)
    try:
        wait_for(lambda: _is_ready(running.port) or process.poll() is not None, "readiness of Prometheus")
        assert process.poll() is None, log.read_text()
        yield running
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _is_ready(port: int) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1) as reply:
        return bool(reply.status == 200)
    return False
