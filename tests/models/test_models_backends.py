"""`plimsoll.backends`: threads from the environment, and the device that was asked for or a clear refusal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnxruntime
import pytest
from model_scripts import Make

from plimsoll.backends import onnx, tensorflow
from plimsoll.backends.threads import cpu_threads
from plimsoll.errors import EntryError

pytestmark = pytest.mark.models
USABLE = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({}, USABLE),
        ({"PLIMSOLL_CPU_THREADS": "3", "OMP_NUM_THREADS": "7"}, 3),
        ({"OMP_NUM_THREADS": "7"}, 7),
        ({"OMP_NUM_THREADS": "7,2"}, 7),
        ({"OMP_NUM_THREADS": "0"}, USABLE),
        ({"OMP_NUM_THREADS": "many"}, USABLE),
        ({"PLIMSOLL_CPU_THREADS": "", "OMP_NUM_THREADS": ""}, USABLE),
    ],
)
def test_threads_from_the_environment(environment: dict[str, str], threads: int) -> None:
    assert cpu_threads(environment) == threads


@pytest.mark.parametrize("value", ["0", "two", "-1", "1.5"])
def test_our_own_variable_must_make_sense(value: str) -> None:
    with pytest.raises(EntryError, match="PLIMSOLL_CPU_THREADS must be a whole number, 1 or more, not "):
        cpu_threads({"PLIMSOLL_CPU_THREADS": value})


def test_an_onnx_session_with_these_threads(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIMSOLL_CPU_THREADS", "2")
    folder = made("onnx").out / "model"
    session = onnx.load(folder)
    assert session.get_session_options().intra_op_num_threads == 2
    assert session.get_providers() == ["CPUExecutionProvider"]
    own = onnxruntime.SessionOptions()
    own.enable_cpu_mem_arena = False
    given = onnx.load(folder / "digits.onnx", provider="cpu", threads=1, options=own).get_session_options()
    assert (given.intra_op_num_threads, given.enable_cpu_mem_arena) == (1, False)


def test_a_provider_that_is_not_there_is_refused(made: Make) -> None:
    with pytest.raises(EntryError) as raised:
        onnx.load(made("onnx").out / "model", provider="cuda")
    assert str(raised.value).startswith("ONNX Runtime here has no CUDAExecutionProvider, only ")
    assert "onnxruntime-gpu must be installed instead of onnxruntime" in str(raised.value)


def test_a_provider_that_does_not_start_is_refused_and_automatic_choice_says_so(
    made: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """ONNX Runtime itself falls back to the CPU; here it claims a provider that it does not have."""
    claimed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: claimed)
    folder = made("onnx").out / "model"
    with (
        pytest.warns(UserWarning, match="CUDAExecutionProvider"),
        pytest.raises(EntryError, match="CUDAExecutionProvider did not start, the session would run on CPUExecution"),
    ):
        onnx.load(folder, provider="cuda")
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"):
        assert onnx.load(folder).get_providers() == ["CPUExecutionProvider"]
    assert "CUDAExecutionProvider did not start" in caplog.text


def test_bad_arguments(made: Make, tmp_path: Path) -> None:
    with pytest.raises(EntryError, match="threads must be 1 or more, not 0"):
        onnx.load(made("onnx").out / "model", threads=0)
    with pytest.raises(EntryError, match="no such file or folder"):
        onnx.load(tmp_path / "absent")


def test_missing_frameworks_say_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(EntryError, match=r"onnxruntime is not installed \(pip install 'plimsoll-runtime\[onnx\]'\)"):
        onnx.load(tmp_path)
    with pytest.raises(EntryError, match=r"tensorflow is not installed \(pip install"):
        tensorflow.load(tmp_path)


TENSORFLOW = """
import json, sys
from plimsoll.backends import tensorflow
from plimsoll.errors import EntryError
folder, device = sys.argv[1:]
try:
    model = tensorflow.load(folder, device=device)
    again = tensorflow.load(folder, threads=5)
except EntryError as error:
    sys.exit(str(error))
import tensorflow as tf
threading = tf.config.threading
print("RESULT", json.dumps([
    threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads(), list(model.signatures),
]))
"""


def in_fresh_process(folder: Path, device: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", TENSORFLOW, str(folder), device],
        env={**os.environ, "PLIMSOLL_CPU_THREADS": "3"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.mark.tensorflow
def test_a_saved_model_with_these_threads_which_stay(made: Make) -> None:
    result = in_fresh_process(made("tensorflow").out / "model", "cpu")
    assert json.loads(result.stdout.partition("RESULT ")[2]) == [3, 3, ["serving_default"]], result.stderr
    assert "TensorFlow keeps its threads and devices" in result.stderr


@pytest.mark.tensorflow
def test_a_gpu_that_is_not_there_is_refused(made: Make) -> None:
    result = in_fresh_process(made("tensorflow").out / "model", "gpu")
    assert "TensorFlow sees no GPU (install tensorflow[and-cuda] and run with a GPU)" in result.stderr


def test_a_device_of_another_name_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake: Any = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(EntryError, match="device must be auto, cpu or gpu, not 'tpu'"):
        tensorflow.load(tmp_path, device="tpu")
