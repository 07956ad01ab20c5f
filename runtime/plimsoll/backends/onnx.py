"""ONNX Runtime sessions with this worker's share of the CPUs, on the provider that was asked for or not at all."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from plimsoll.backends.files import single
from plimsoll.backends.gpu import memory_share_bytes, must_not_use_gpu, must_use_gpu
from plimsoll.backends.threads import checked
from plimsoll.errors import EntryError

if TYPE_CHECKING:
    import onnxruntime

_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
_NAMES = {"cpu": _CPU, "cuda": _CUDA, "tensorrt": "TensorrtExecutionProvider"}
_HOW_TO_CUDA = "onnxruntime-gpu must be installed instead of onnxruntime, with a driver and CUDA libraries that fit it"
_log = logging.getLogger("plimsoll.backends")


def load(
    path: str | Path,
    *,
    provider: str = "auto",
    threads: int | None = None,
    options: onnxruntime.SessionOptions | None = None,
) -> onnxruntime.InferenceSession:
    """`path`: a model, or a folder with one. `provider`: "auto", "cpu", "cuda", "tensorrt" or ONNX Runtime's name.

    "auto" takes CUDA where it works, insists on it under --gpu required and leaves it alone under --gpu off. `options`
    keeps what it says except for the threads.
    """
    runtime = _runtime()
    file = single(path, "*.onnx")
    provider = _automatic() if provider == "auto" else provider
    wanted = _wanted(provider, runtime.get_available_providers())
    settings = _settings(options or runtime.SessionOptions(), checked(threads))
    try:
        session = runtime.InferenceSession(file, settings, providers=_providers(wanted))
    except Exception as failure:
        raise EntryError(f"{file}: ONNX Runtime cannot load the model: {str(failure).partition(chr(10))[0]}") from None
    _must_run_on(wanted, session.get_providers(), insist=provider != "auto")
    return session


def _runtime() -> ModuleType:
    try:
        return import_module("onnxruntime")
    except ModuleNotFoundError:
        raise EntryError("onnxruntime is not installed", remedy="pip install 'plimsoll-runtime[onnx]'") from None


def _automatic() -> str:
    if must_use_gpu():
        return "cuda"
    return "cpu" if must_not_use_gpu() else "auto"


def _wanted(provider: str, available: list[str]) -> str:
    if provider == "auto":
        return _CUDA if _CUDA in available else _CPU
    name = _NAMES.get(provider, provider)
    if name not in available:
        raise EntryError(f"ONNX Runtime here has no {name}, only {', '.join(available)}", remedy=_remedy(name))
    return name


def _providers(wanted: str) -> list[Any]:
    """In order of preference, with settings; the last one takes what the others cannot."""
    if wanted not in (_CUDA, _NAMES["tensorrt"]):
        return list(dict.fromkeys([wanted, _CPU]))
    # Left alone, the arena doubles with every growth and keeps what it has: that much more than the model needs.
    cuda: dict[str, str] = {"arena_extend_strategy": "kSameAsRequested"}
    share_bytes = memory_share_bytes()
    if share_bytes is not None:
        cuda["gpu_mem_limit"] = str(share_bytes)
    return [*([] if wanted == _CUDA else [wanted]), (_CUDA, cuda), _CPU]


def _settings(options: onnxruntime.SessionOptions, threads: int) -> onnxruntime.SessionOptions:
    options.intra_op_num_threads = threads
    # Threads that spin between calls burn the CPUs that other workers need.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _must_run_on(wanted: str, used: list[str], *, insist: bool) -> None:
    """ONNX Runtime only logs it when a provider cannot start, and computes on the CPU."""
    if wanted in used:
        return
    message = f"{wanted} did not start, the session would run on {', '.join(used)}"
    if insist:
        raise EntryError(message, remedy=_remedy(wanted))
    _log.warning(message)


def _remedy(name: str) -> str:
    return "" if name == _CPU else _HOW_TO_CUDA
