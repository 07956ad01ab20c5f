"""TensorFlow SavedModels with this worker's share of the CPUs, on the device that was asked for or not at all."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plimsoll.backends.files import single
from plimsoll.backends.threads import checked
from plimsoll.errors import EntryError

_log = logging.getLogger("plimsoll.backends")


def load(path: str | Path, *, device: str = "auto", threads: int | None = None) -> Any:
    """`path`: a SavedModel's folder, or one that holds it. `device`: "auto", "cpu" or "gpu".

    The device and the threads hold for the whole process: call this before anything else of TensorFlow computes.
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
    gpus = tensorflow.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise EntryError("TensorFlow sees no GPU", remedy="install tensorflow[and-cuda] and run with a GPU")
    with _before_first_use():
        if device == "cpu":
            tensorflow.config.set_visible_devices([], "GPU")
            return
        for gpu in gpus:
            # Otherwise the first worker takes the whole memory of the GPU.
            tensorflow.config.experimental.set_memory_growth(gpu, True)


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
