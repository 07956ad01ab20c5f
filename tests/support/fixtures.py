"""Types of the fixtures in tests/conftest.py, for annotations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from support.server import Server

WriteScript = Callable[[str], Path]
Serve = Callable[..., Server]
