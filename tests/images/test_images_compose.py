"""compose.yaml as a newcomer uses it, and what `plimsoll manifest` writes, with Docker's own Compose or Podman's."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from image_engine import REPOSITORY, Engine
from image_played import image_on_top

from support.manifests import SMALL
from support.platforms.made import made_as
from support.server import PATIENCE_S, Client, free_port, wait_for

pytestmark = pytest.mark.images

Compose = Callable[..., subprocess.CompletedProcess[str]]


# What a compiler at run time does last: it loads a library that it has written to its scratch folder.
LOADS_FROM_TMP = """
    import ctypes, shutil, _ctypes
    def init():
        ctypes.CDLL(shutil.copy(_ctypes.__file__, "/tmp/compiled.so"))
    def run(data): return data
"""


@dataclass
class Composed(Client):
    """A running service, and how Compose is called for it."""

    port: int
    compose: Compose


@contextlib.contextmanager
def composed(engine: Engine, folder: Path, port: int, *flags: str, **variables: str) -> Iterator[Composed]:
    command = ["docker", "compose"] if engine.command == "docker" else ["podman-compose"]
    assert shutil.which(command[0]), f"{command[0]} is not installed"
    environment = engine.environment() | variables

    def compose(*arguments: str) -> subprocess.CompletedProcess[str]:
        whole = [*command, "--project-name", "plimsoll-test", *flags, *arguments]
        return subprocess.run(
            whole, cwd=folder, env=environment, capture_output=True, text=True, timeout=4 * PATIENCE_S
        )

    started = compose("up", "--detach", "--no-build")
    try:
        assert started.returncode == 0, started.stderr
        yield Composed(port, compose)
    finally:
        compose("down")


@pytest.fixture
def demo(engine: Engine, cpu: str) -> Iterator[Composed]:
    port = free_port()
    with composed(engine, REPOSITORY, port, PLIMSOLL_IMAGE=cpu, PLIMSOLL_PORT=str(port)) as running:
        yield running


def test_the_demo_trains_and_serves_digits(demo: Composed) -> None:
    wait_for(demo.is_ready, "readiness of the demo, which trains first", 4 * PATIENCE_S)
    first = demo.compose("exec", "-T", "digits", "head", "-1", "/tmp/digits/requests.txt")
    expected = demo.compose("exec", "-T", "digits", "head", "-1", "/tmp/digits/expected.txt")
    reply = demo.post("/score", printed(first.stdout, r"\{.*").encode())
    assert reply.json()["predictions"] == json.loads(printed(expected.stdout, r"\[\d.*"))
    healthy = demo.compose("exec", "-T", "digits", "plimsoll", "healthcheck")
    assert healthy.returncode == 0, healthy.stderr


def test_a_library_that_a_model_compiles_can_be_loaded(
    engine: Engine, slim: str, app: Callable[[str], Path], tmp_path: Path
) -> None:
    image = image_on_top(engine, slim, app(LOADS_FROM_TMP), "localhost/plimsoll-compose:test", "1\n")
    port = free_port()
    written = made_as(tmp_path, "compose", SMALL, image=image, port=port)
    (tmp_path / "written.yaml").write_text(written.text)
    with composed(engine, tmp_path, port, "--file", "written.yaml") as running:
        wait_for(running.is_ready, "readiness of the service")
        assert running.post("/score", b"1").status == 200
        refused = running.compose("exec", "-T", written.values.name, "touch", "/var/azureml-app/x")
        assert "Read-only file system" in refused.stderr, "all else"


def printed(stdout: str, pattern: str) -> str:
    """podman-compose prints what it calls, and how that ended, on the same stream."""
    found = re.search(rf"^{pattern}$", stdout, re.MULTILINE)
    assert found, stdout
    return found[0]
