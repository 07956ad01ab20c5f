"""The storm's score.py: one call at a time."""

from __future__ import annotations

from typing import Any

from actions import act


def init() -> None:
    pass


def run(data: str) -> Any:
    return act(data)
