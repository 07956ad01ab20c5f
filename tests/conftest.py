"""Fixtures for black-box tests: write a score.py, start a real server with it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.fixtures import Serve, WriteScript
from support.nvml import Machine, build
from support.pythons import NEWEST_WITH_TENSORFLOW
from support.server import Server

_WITHOUT_TENSORFLOW = sys.version_info[:2] > NEWEST_WITH_TENSORFLOW
_LEFT_OUT = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    without = [item for item in items if _WITHOUT_TENSORFLOW and item.get_closest_marker("tensorflow")]
    config.stash[_LEFT_OUT] = len(without)
    if without:
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if count := config.stash.get(_LEFT_OUT, 0):
        here = ".".join(map(str, sys.version_info[:2]))
        terminalreporter.write_line(f"{count} tests left out: TensorFlow has no wheels for Python {here}", yellow=True)


@pytest.fixture
def write_script(tmp_path: Path) -> WriteScript:
    def write(source: str) -> Path:
        path = tmp_path / "score.py"
        path.write_text(textwrap.dedent(source))
        return path

    return write


@pytest.fixture
def serve(write_script: WriteScript) -> Iterator[Serve]:
    """``serve(source, *flags, env=…, wait=…, before=…)`` starts a server that ends with the test."""
    with ExitStack() as stack:

        def start(
            source: str, *flags: str, env: dict[str, str] | None = None, wait: bool = True, before: str = ""
        ) -> Server:
            return stack.enter_context(Server(write_script(source), *flags, env=env, wait=wait, before=before))

        yield start


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a stand-in for the GPU driver's library."""
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def machine(nvml_library: Path, tmp_path: Path) -> Machine:
    """A machine whose GPUs the test says: ``machine.has(gpu(0)); serve(…, env=machine.environment)``."""
    return Machine(nvml_library, tmp_path / "nvml-state")
