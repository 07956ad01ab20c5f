"""TensorFlow SavedModels with this worker's share of the CPUs, on the device that was asked for or not at all."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plimsoll.backends.files import single
from plimsoll.backends.gpu import memory_share_bytes, must_not_use_gpu, must_use_gpu
from plimsoll.backends.threads import checked
from plimsoll.errors import EntryError

_log = logging.getLogger("plimsoll.backends")


def load(path: str | Path, *, device: str = "auto", threads: int | None = None) -> Any:
    """`path`: a SavedModel's folder, or one that holds it. `device`: "auto", "cpu" or "gpu".

    "auto" is "gpu" under --gpu required and "cpu" under --gpu off. The device and the threads hold for the whole
    process: call this before anything else of TensorFlow computes.
    """
    tensorflow = _tensorflow()
    folder = single(path, "saved_model.pb").parent
    _choose(tensorflow, device)
    _limit(tensorflow, checked(threads))
    try:
        return tensorflow.saved_model.load(str(folder))
    except Exception as failure:
        raise EntryError(f"{folder}: TensorFlow cannot load the model: {str(failure).partition(chr(10))[0]}") from None


def _tensorflow() -> Any:
    try:
        import tensorflow
    except ModuleNotFoundError:
        raise EntryError("tensorflow is not installed", remedy="pip install 'plimsoll-runtime[tensorflow]'") from None
    return tensorflow


def _choose(tensorflow: Any, device: str) -> None:
    if device not in ("auto", "cpu", "gpu"):
        raise EntryError(f"device must be auto, cpu or gpu, not {device!r}")
    device = _automatic() if device == "auto" else device
    gpus = tensorflow.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise EntryError("TensorFlow sees no GPU", remedy="install tensorflow[and-cuda] and run with a GPU")
    with _before_first_use():
        if device == "cpu":
            tensorflow.config.set_visible_devices([], "GPU")
            return
        for gpu in gpus:
            _bound(tensorflow.config, gpu)


def _automatic() -> str:
    if must_use_gpu():
        return "gpu"
    return "cpu" if must_not_use_gpu() else "auto"


def _bound(config: Any, gpu: Any) -> None:
    """Otherwise the first worker takes the whole memory of the GPU; a limit and growth exclude each other."""
    share_bytes = memory_share_bytes()
    if share_bytes is None:
        config.experimental.set_memory_growth(gpu, True)
    else:
        limit = config.LogicalDeviceConfiguration(memory_limit=share_bytes // 2**20)
        config.set_logical_device_configuration(gpu, [limit])


def _limit(tensorflow: Any, threads: int) -> None:
    with _before_first_use():
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)


@contextmanager
def _before_first_use() -> Iterator[None]:
    """TensorFlow refuses these settings once it has computed something; a model can be loaded all the same."""
    try:
        yield
    except RuntimeError as failure:
        _log.warning("TensorFlow keeps its threads and devices, it was used before load(): %s", failure)
