"""Fixtures for black-box tests: write a score.py, start a real server with it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.fixtures import Serve, WriteScript
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
