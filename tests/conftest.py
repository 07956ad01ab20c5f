"""Fixtures for black-box tests: write a score.py, start a real server with it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.fixtures import Serve, WriteScript
from support.nvml import Machine, build
from support.server import Server


@pytest.fixture
def write_script(tmp_path: Path) -> WriteScript:
    def write(source: str) -> Path:
        path = tmp_path / "score.py"
        path.write_text(textwrap.dedent(source))
        return path

    return write


@pytest.fixture
def serve(write_script: WriteScript) -> Iterator[Serve]:
    """``serve(source, *flags, env=…, wait=…)`` starts a server that ends with the test."""
    with ExitStack() as stack:

        def start(source: str, *flags: str, env: dict[str, str] | None = None, wait: bool = True) -> Server:
            return stack.enter_context(Server(write_script(source), *flags, env=env, wait=wait))

        yield start


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stand-in for the GPU driver's library."""
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def machine(nvml_library: Path, tmp_path: Path) -> Machine:
    """A machine whose GPUs the test says: ``machine.has(gpu(0)); serve(…, env=machine.environment)``."""
    return Machine(nvml_library, tmp_path / "nvml-state")
