"""The entry script that Plimsoll serves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.served import work

model: work.Model


def init() -> None:
    global model
    model = work.load_from_text()


def run_plain(data: str) -> Any:
    return model(data)


def run_raw(data: str) -> bytes:
    """Bytes are sent as they are, text as JSON."""
    return bytes(model(data), "ascii")


def run_batch(data: list[str]) -> list[int]:
    values: list[int] = model(data)
    return values


run: Callable[..., Any] = run_plain
if work.workload_name() == "answer-1m":
    run = run_raw
elif work.workload_name() == "batched":
    from plimsoll.entry import batch

    run = batch(max_size=work.MOST_IN_BATCH)(run_batch)
