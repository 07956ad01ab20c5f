"""How much GPU memory the frameworks' allocators have handed out at most, asked from inside the process.

Only frameworks that the script has imported, and that have used a GPU already, are asked: nothing here may wake one.
ONNX Runtime keeps no such count. CUDA's context is in none of them.
"""

from __future__ import annotations

import sys
from typing import Any


def peak_bytes() -> int | None:
    """Over all GPUs of this process since it began; None where no framework that counts has used one."""
    sizes = [size for ask in (_torch, _tensorflow, _jax) if (size := _asked(ask)) is not None]
    return sum(sizes) if sizes else None


def _asked(ask: Any) -> int | None:
    """A framework that another thread is just importing has not all its names yet."""
    try:
        size: int | None = ask()
    except Exception:
        return None
    return size


def _torch() -> int | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return sum(int(torch.cuda.max_memory_allocated(index)) for index in range(torch.cuda.device_count()))


def _tensorflow() -> int | None:
    """To list devices would begin to use them; whether that has happened only a private name tells."""
    state = sys.modules.get("tensorflow.python.eager.context")
    if state is None or not getattr(state._context, "_initialized", False):
        return None
    config = sys.modules["tensorflow"].config
    gpus = config.list_logical_devices("GPU")
    sizes = [int(config.experimental.get_memory_info(gpu.name.rpartition("device:")[2])["peak"]) for gpu in gpus]
    return sum(sizes) if sizes else None


def _jax() -> int | None:
    bridge = sys.modules.get("jax._src.xla_bridge")
    if bridge is None or not bridge._backends:
        return None
    gpus = [device for device in sys.modules["jax"].local_devices() if device.platform == "gpu"]
    sizes = [int(device.memory_stats()["peak_bytes_in_use"]) for device in gpus]
    return sum(sizes) if sizes else None
