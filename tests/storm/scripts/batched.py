"""The storm's score.py for batches: an item that fails gets its exception, unless it wants the whole run() to fail."""

from __future__ import annotations

from typing import Any

from actions import act

from plimsoll.entry import batch


def init() -> None:
    pass


@batch(max_size=16)
def run(data: list[str]) -> list[Any]:
    return [_one(item) for item in data]


def _one(item: str) -> Any:
    try:
        return act(item)
    except ValueError as failure:
        if item.startswith("fail"):
            raise  # each of the batch is then run again alone
        return failure
