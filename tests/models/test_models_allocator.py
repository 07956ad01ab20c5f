"""What frameworks count of their GPU memory. None of them has a GPU here: their answers on one are stand-ins."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from plimsoll.backends.allocator import peak_bytes

ASLEEP = """
import tensorflow as tf
from tensorflow.python.eager import context
from plimsoll.backends.allocator import peak_bytes
assert peak_bytes() is None and context._context is None
tf.constant(1) + 1
assert context._context._initialized
assert peak_bytes() is None
print("well")
"""


@pytest.mark.tensorflow
@pytest.mark.models
def test_tensorflow_is_not_woken_and_has_no_gpu() -> None:
    done = subprocess.run([sys.executable, "-c", ASLEEP], capture_output=True, text=True)
    assert done.stdout == "well\n", done.stderr


def tensorflow_with(gpus: list[str], peak: int) -> dict[str, Any]:
    def info(name: str) -> dict[str, int]:
        assert name.startswith("GPU:")
        return {"current": 1, "peak": peak}

    listed = [SimpleNamespace(name=f"/device:{name}") for name in gpus]
    config = SimpleNamespace(
        list_logical_devices=lambda kind: listed, experimental=SimpleNamespace(get_memory_info=info)
    )
    state = SimpleNamespace(_context=SimpleNamespace(_initialized=True))
    return {"tensorflow": SimpleNamespace(config=config), "tensorflow.python.eager.context": state}


def jax_with(*devices: tuple[str, int]) -> dict[str, Any]:
    made = [
        SimpleNamespace(platform=name, memory_stats=lambda size=size: {"peak_bytes_in_use": size})
        for name, size in devices
    ]
    return {
        "jax": SimpleNamespace(local_devices=lambda: made),
        "jax._src.xla_bridge": SimpleNamespace(_backends={"gpu": 1}),
    }


def torch_with(*sizes: int, used: bool = True) -> dict[str, Any]:
    cuda = SimpleNamespace(
        is_initialized=lambda: used, device_count=lambda: len(sizes), max_memory_allocated=lambda index: sizes[index]
    )
    return {"torch": SimpleNamespace(cuda=cuda)}


@pytest.mark.parametrize(
    ("modules", "size"),
    [
        ({}, None),
        (torch_with(100, 20), 120),
        (torch_with(100, used=False), None),
        ({"torch": SimpleNamespace()}, None),  # another thread has just begun to import it
        (tensorflow_with(["GPU:0", "GPU:1"], 50), 100),
        (tensorflow_with([], 50), None),
        (jax_with(("gpu", 70), ("cpu", 5)), 70),
        (jax_with(("cpu", 5)), None),
        (torch_with(100) | jax_with(("gpu", 70)), 170),
    ],
)
def test_what_each_of_them_counts(monkeypatch: pytest.MonkeyPatch, modules: dict[str, Any], size: int | None) -> None:
    for name in ("torch", "tensorflow", "tensorflow.python.eager.context", "jax", "jax._src.xla_bridge"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    assert peak_bytes() == size
