"""The models, by the name of their workload. A model takes what its server has made of the request: text, or rows.

Runs in the environment of every peer: standard library only, but for the digits.
"""

from __future__ import annotations

import json
import os
import string
import time
from collections.abc import Callable, Iterator
from typing import Any

Model = Callable[[Any], Any]
Chunks = Iterator[str]

_LETTERS = string.ascii_letters + string.digits
CHUNKS = 100
SPIN_NS = 5_000_000
SLEEP_S = 0.020
LOADING_S = 3.0
BATCH_FIXED_S, BATCH_ITEM_S = 0.002, 0.0005
MOST_IN_BATCH = 32
BATCH_WAIT_MS = 5
"""How long a server that wants to be told waits for a batch to fill."""


def text_of(size: int) -> str:
    """Letters that JSON leaves as they are, so that a text of `size` characters has `size` bytes in every form."""
    return (_LETTERS * (size // len(_LETTERS) + 1))[:size]


ANSWER = text_of(1_000_000)
CHUNK = text_of(100)


def load(workload: str) -> Model:
    """What init() does: the workload's model, ready for its first call."""
    return _LOADERS[workload]()


def load_from_env() -> Model:
    return load(workload_name())


def workload_name() -> str:
    """Which workload this server is to run."""
    return os.environ["BENCH_WORKLOAD"]


def slots() -> int:
    """Calls that the server is to run at a time."""
    return int(os.environ["BENCH_SLOTS"])


def takes_rows() -> bool:
    """Whether the model takes rows of numbers, which the server or its script reads from JSON, and not text."""
    return workload_name() == "digits"


def load_from_text() -> Model:
    """For a server that hands over the body as text: the digits' JSON is read by the script."""
    model = load_from_env()
    return (lambda text: model(json.loads(text)["data"])) if takes_rows() else model


def load_from_bytes() -> Model:
    """For a server that hands over the body as bytes."""
    model = load_from_text()
    return lambda body: model(bytes(body).decode())


def encoded(value: Any) -> bytes:
    """For a server that sends bytes as they are: text as it is, everything else as JSON."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def many(values: list[Any]) -> list[int]:
    """A batch: a fixed cost and one per item, as a GPU has them; the processor is idle meanwhile."""
    time.sleep(BATCH_FIXED_S + BATCH_ITEM_S * len(values))
    return [len(value) for value in values]


def _sleep(text: str) -> int:
    time.sleep(SLEEP_S)
    return len(text)


def _spin(text: str) -> int:
    """Holds the GIL for 5 ms of this thread's CPU time, however often it is preempted meanwhile."""
    number, until_ns = 1, time.thread_time_ns() + SPIN_NS
    while time.thread_time_ns() < until_ns:
        for _ in range(200):
            number = number * 1_103_515_245 % 2_147_483_648
    return len(text)


def _chunks(text: str) -> Chunks:
    for _ in range(CHUNKS):
        yield CHUNK


def _loading() -> Model:
    time.sleep(LOADING_S)
    return len


def _digits() -> Model:
    import onnxruntime

    (file,) = (os.path.join(folder, name) for folder, _, names in os.walk(os.environ["BENCH_MODEL"]) for name in names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def predict(rows: Any) -> dict[str, Any]:
        import numpy

        labels, probabilities = session.run(None, {name: numpy.asarray(rows, dtype=numpy.float32)})
        return {"predictions": labels.tolist(), "probabilities": probabilities.tolist()}

    return predict


_LOADERS: dict[str, Callable[[], Model]] = {
    "echo": lambda: lambda text: text,
    "digits": _digits,
    "body-600k": lambda: len,
    "body-10m": lambda: len,
    "answer-1m": lambda: lambda text: ANSWER,
    "sleep-20ms": lambda: _sleep,
    "gil-5ms": lambda: _spin,
    "single": lambda: lambda text: many([text])[0],
    "batched": lambda: many,
    "stream": lambda: _chunks,
    "loading": _loading,
}
WORKLOADS = tuple(_LOADERS)
