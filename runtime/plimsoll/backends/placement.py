"""Where the frameworks that this process has loaded compute: frameworks fall back to the CPU silently.

Asked of a worker after init() and warm-up. Looks only at what the script has imported, and imports nothing.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

_ON_GPU = ("CUDA", "Tensorrt", "NvTensorRTRTX")


@dataclass(frozen=True, slots=True)
class Placement:
    """`on_gpu` is None where it cannot be told; `detail` says by what it is known."""

    framework: str
    on_gpu: bool | None
    detail: str


def placements() -> list[Placement]:
    """One for each framework in this process that has anything to say."""
    found = []
    for name, look in _LOOKS.items():
        module = sys.modules.get(name)
        if module is None:
            continue
        try:
            found += list(look(module))
        except Exception as failure:  # a framework of a version unknown to us
            found.append(Placement(name, None, f"{type(failure).__name__}: {failure}"))
    return found


def _onnxruntime(module: ModuleType) -> Iterator[Placement]:
    """By the sessions themselves, whoever made them."""
    used = [_providers(one) for one in gc.get_objects() if issubclass(type(one), module.InferenceSession)]
    if used:
        on_gpu = any(name.startswith(_ON_GPU) for names in used for name in names)
        names = ", ".join(sorted({name for names in used for name in names}))
        yield Placement("ONNX Runtime", on_gpu, f"{len(used)} session(s) on {names}")


def _providers(session: Any) -> list[str]:
    return [str(name) for name in session.get_providers()]


def _tensorflow(module: ModuleType) -> Iterator[Placement]:
    gpus = module.config.list_physical_devices("GPU")
    yield Placement("TensorFlow", bool(gpus), f"it sees {len(gpus)} GPU(s)")


def _torch(module: ModuleType) -> Iterator[Placement]:
    if module.cuda.is_initialized():
        yield Placement("PyTorch", True, f"it holds {module.cuda.memory_allocated()} bytes")
    elif module.cuda.is_available():
        yield Placement("PyTorch", False, "it sees a GPU and has put nothing on it")
    else:
        yield Placement("PyTorch", False, "it sees no GPU")


def _jax(module: ModuleType) -> Iterator[Placement]:
    """To list devices would begin to use them; whether that has happened only a private name tells."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge is not None and bridge._backends:
        platforms = sorted({str(device.platform) for device in module.local_devices()})
        yield Placement("JAX", platforms != ["cpu"], f"its devices are of {', '.join(platforms)}")


_LOOKS: dict[str, Callable[[ModuleType], Iterator[Placement]]] = {
    "onnxruntime": _onnxruntime,
    "tensorflow": _tensorflow,
    "torch": _torch,
    "jax": _jax,
}
