"""compose.yaml as a newcomer uses it, with Docker's own Compose or Podman's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from image_engine import REPOSITORY, Engine

from support.server import Client, free_port, wait_for

pytestmark = pytest.mark.images

Compose = Callable[..., subprocess.CompletedProcess[str]]


@dataclass
class Demo(Client):
    """The running demo, and how Compose is called for it."""

    port: int
    compose: Compose


@pytest.fixture
def demo(engine: Engine, cpu: str) -> Iterator[Demo]:
    command = ["docker", "compose"] if engine.command == "docker" else ["podman-compose"]
    assert shutil.which(command[0]), f"{command[0]} is not installed"
    port = free_port()
    environment = engine.environment() | {"PLIMSOLL_IMAGE": cpu, "PLIMSOLL_PORT": str(port)}

    def compose(*arguments: str) -> subprocess.CompletedProcess[str]:
        whole = [*command, "--project-name", "plimsoll-test", *arguments]
        return subprocess.run(whole, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120)

    started = compose("up", "--detach", "--no-build")
    try:
        assert started.returncode == 0, started.stderr
        yield Demo(port, compose)
    finally:
        compose("down")


def test_the_demo_trains_and_serves_digits(demo: Demo) -> None:
    wait_for(demo.is_ready, "readiness of the demo")
    first = demo.compose("exec", "-T", "digits", "head", "-1", "/tmp/digits/requests.txt")
    expected = demo.compose("exec", "-T", "digits", "head", "-1", "/tmp/digits/expected.txt")
    reply = demo.post("/score", printed(first.stdout, r"\{.*").encode())
    assert reply.json()["predictions"] == json.loads(printed(expected.stdout, r"\[\d.*"))
    healthy = demo.compose("exec", "-T", "digits", "plimsoll", "healthcheck")
    assert healthy.returncode == 0, healthy.stderr


def printed(stdout: str, pattern: str) -> str:
    """podman-compose prints what it calls, and how that ended, on the same stream."""
    found = re.search(rf"^{pattern}$", stdout, re.MULTILINE)
    assert found, stdout
    return found[0]
