"""Real frameworks that fall back to the CPU, as they all do here; the GPU beside them is a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnxruntime
import pytest
from model_scripts import Make

from plimsoll.backends import onnx, placement, tensorflow
from plimsoll.backends.gpu import memory_share_bytes
from plimsoll.backends.placement import Placement
from plimsoll.errors import EntryError
from support.nvml import Machine, gpu
from support.server import Server

pytestmark = pytest.mark.models
OWN_SESSION = """
import onnxruntime
def init():
    global session
    session = onnxruntime.InferenceSession(MODEL)
def run(data): return data
"""
OWN_TENSORFLOW = """
import tensorflow as tf
def init():
    global weights
    weights = tf.Variable([1.0])
def run(data): return data
"""
PLACEMENTS = """
import json, sys
from dataclasses import asdict
from plimsoll.backends.placement import placements
exec(sys.argv[1])
print("RESULT", json.dumps([asdict(one) for one in placements()]))
"""


@pytest.fixture(autouse=True)
def no_hidden_gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "PLIMSOLL_GPU", "PLIMSOLL_GPU_MEMORY_BYTES"):
        monkeypatch.delenv(name, raising=False)
    yield


def refused(script: Path, machine: Machine, *flags: str) -> str:
    machine.has(gpu(0))
    with Server(script, "--gpu", "required", *flags, env=machine.environment, wait=False) as server:
        assert server.wait_exit() == 3, server.log()
        assert " is ready after " not in server.log()
        return server.log().rstrip().splitlines()[-1]


def own_session(made: Make, folder: Path) -> Path:
    script = folder / "score.py"
    model = made("onnx").out / "model" / "digits.onnx"
    script.write_text(OWN_SESSION.replace("MODEL", repr(str(model))))
    return script


def test_a_session_of_the_scripts_own_that_fell_back(made: Make, machine: Machine, tmp_path: Path) -> None:
    assert refused(own_session(made, tmp_path), machine).startswith(
        "plimsoll: error: --gpu required, but the script fell back to the CPU: ONNX Runtime: 1 session(s) on "
    )


def test_a_model_loaded_through_backends_insists(made: Make, machine: Machine, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(
        "import os\nfrom plimsoll.backends import onnx\n"
        "def init(): onnx.load(os.environ['AZUREML_MODEL_DIR'])\ndef run(data): return data\n"
    )
    last = refused(script, machine, "--model-dir", str(made("onnx").out / "model"))
    assert "ONNX Runtime here has no CUDAExecutionProvider, only " in last


@pytest.mark.tensorflow
def test_tensorflow_that_sees_no_gpu(machine: Machine, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(OWN_TENSORFLOW)
    last = refused(script, machine)
    assert "--gpu required, but the script fell back to the CPU: TensorFlow: it sees 0 GPU(s)" in last


@pytest.mark.tensorflow
def test_version_1_scripts_are_looked_at_too(machine: Machine, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text("import tensorflow as tf\ndef init(): tf.Session()\ndef run(data): return data\n")
    assert "TensorFlow: it sees 0 GPU(s)" in refused(script, machine, "--tf1-compat")


def test_where_none_is_required_the_fallback_is_a_warning(made: Make, machine: Machine, tmp_path: Path) -> None:
    machine.has(gpu(0))
    with Server(own_session(made, tmp_path), env=machine.environment) as server:
        log = server.log()
    assert "computes on the CPU although there is a GPU: ONNX Runtime: 1 session(s) on " in log


def test_a_model_that_the_first_call_loads_is_found_by_warm_up(made: Make, machine: Machine, tmp_path: Path) -> None:
    script = own_session(made, tmp_path)
    script.write_text(script.read_text().replace("def init():", "def init(): pass\ndef load():").replace(
        "def run(data): return data", "def run(data):\n    load()\n    return data"
    ))  # fmt: skip
    rows = tmp_path / "rows.txt"
    rows.write_text("1\n")
    assert "ONNX Runtime: 1 session(s) on " in refused(script, machine, "--warmup", str(rows))
    (tmp_path / "again").mkdir()
    assert "it holds no memory on GPU 0 after loading" in refused(script, machine)


def placements_after(program: str) -> list[Placement]:
    done = subprocess.run([sys.executable, "-c", PLACEMENTS, program], capture_output=True, text=True, check=True)
    return [Placement(**one) for one in json.loads(done.stdout.partition("RESULT ")[2])]


def test_only_what_the_script_has_loaded_is_asked() -> None:
    assert placements_after("pass") == []
    assert placements_after("import onnxruntime") == [], "without a session there is nothing to say"


def test_a_module_that_only_looks_like_a_framework_breaks_nothing() -> None:
    (found,) = placements_after("import sys, types; sys.modules['torch'] = types.ModuleType('torch')")
    assert (found.framework, found.on_gpu) == ("torch", None)


@pytest.mark.parametrize(
    ("initialised", "available", "on_gpu", "text"),
    [
        (True, True, True, "it holds 7 bytes"),
        (False, True, False, "put nothing on it"),
        (False, False, False, "no GPU"),
    ],
)
def test_pytorch(monkeypatch: pytest.MonkeyPatch, initialised: bool, available: bool, on_gpu: bool, text: str) -> None:
    """Not installed here: what it answers is taken from its documentation."""
    cuda = SimpleNamespace(
        is_initialized=lambda: initialised, is_available=lambda: available, memory_allocated=lambda: 7
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    (found,) = [one for one in placement.placements() if one.framework == "PyTorch"]
    assert found.on_gpu is on_gpu
    assert text in found.detail


@pytest.mark.parametrize(("platforms", "on_gpu"), [(["gpu", "gpu"], True), (["cpu"], False)])
def test_jax(monkeypatch: pytest.MonkeyPatch, platforms: list[str], on_gpu: bool) -> None:
    devices = [SimpleNamespace(platform=name) for name in platforms]
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(local_devices=lambda: devices))
    monkeypatch.setitem(sys.modules, "jax._src.xla_bridge", SimpleNamespace(_backends={"x": 1}))
    (found,) = [one for one in placement.placements() if one.framework == "JAX"]
    assert found.on_gpu is on_gpu


class Recorded:
    """Stands for ONNX Runtime's session where CUDA works; keeps what it was given."""

    given: Any = None

    def __init__(self, path: Path, options: Any, providers: Any) -> None:
        Recorded.given = providers

    def get_providers(self) -> list[str]:
        return [one if isinstance(one, str) else one[0] for one in Recorded.given]


def cuda_session(made: Make, monkeypatch: pytest.MonkeyPatch, **arguments: str) -> Any:
    available = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Recorded)
    onnx.load(made("onnx").out / "model", **arguments)
    return Recorded.given


def test_the_arena_grows_by_what_is_asked(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = ("CUDAExecutionProvider", {"arena_extend_strategy": "kSameAsRequested"})
    assert cuda_session(made, monkeypatch) == [cuda, "CPUExecutionProvider"]
    with_tensorrt = ["TensorrtExecutionProvider", cuda, "CPUExecutionProvider"]
    assert cuda_session(made, monkeypatch, provider="tensorrt") == with_tensorrt
    assert cuda_session(made, monkeypatch, provider="cpu") == ["CPUExecutionProvider"]


def test_the_arena_is_bound_by_the_share(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIMSOLL_GPU_MEMORY_BYTES", "1000")
    (_, options), _ = cuda_session(made, monkeypatch)
    assert options == {"arena_extend_strategy": "kSameAsRequested", "gpu_mem_limit": "1000"}


def test_the_automatic_choice_follows_the_mode(made: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIMSOLL_GPU", "off")
    assert cuda_session(made, monkeypatch) == ["CPUExecutionProvider"]
    monkeypatch.undo()
    monkeypatch.setenv("PLIMSOLL_GPU", "required")
    with pytest.raises(EntryError, match="ONNX Runtime here has no CUDAExecutionProvider, only "):
        onnx.load(made("onnx").out / "model")


@pytest.mark.parametrize("text", ["0", "half", "-1"])
def test_a_share_must_make_sense(text: str) -> None:
    with pytest.raises(EntryError, match="PLIMSOLL_GPU_MEMORY_BYTES must be a whole number of bytes, 1 or more"):
        memory_share_bytes({"PLIMSOLL_GPU_MEMORY_BYTES": text})


class Config:
    """The part of `tensorflow.config` that is used, on a machine with one GPU."""

    def __init__(self, gpus: int = 1) -> None:
        self.said: list[Any] = []
        self.experimental = SimpleNamespace(set_memory_growth=lambda gpu, grow: self.said.append((gpu, grow)))
        self.threading = SimpleNamespace(
            set_intra_op_parallelism_threads=lambda count: None, set_inter_op_parallelism_threads=lambda count: None
        )
        self._gpus = [f"gpu {number}" for number in range(gpus)]

    def list_physical_devices(self, kind: str) -> list[str]:
        return self._gpus

    def set_visible_devices(self, devices: list[str], kind: str) -> None:
        self.said.append((devices, kind))

    def LogicalDeviceConfiguration(self, memory_limit: int) -> int:
        return memory_limit

    def set_logical_device_configuration(self, gpu: str, limits: list[int]) -> None:
        self.said.append((gpu, limits))


def said_to_tensorflow(monkeypatch: pytest.MonkeyPatch, folder: Path, config: Config) -> list[Any]:
    (folder / "saved_model.pb").touch()
    fake = SimpleNamespace(config=config, saved_model=SimpleNamespace(load=lambda path: path))
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    assert tensorflow.load(folder) == str(folder)
    return config.said


def test_tensorflow_grows_or_keeps_to_its_share(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert said_to_tensorflow(monkeypatch, tmp_path, Config()) == [("gpu 0", True)]
    monkeypatch.setenv("PLIMSOLL_GPU_MEMORY_BYTES", str(3 * 2**30))
    assert said_to_tensorflow(monkeypatch, tmp_path, Config()) == [("gpu 0", [3072])]


def test_tensorflow_follows_the_mode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLIMSOLL_GPU", "off")
    assert said_to_tensorflow(monkeypatch, tmp_path, Config()) == [([], "GPU")]
    monkeypatch.setenv("PLIMSOLL_GPU", "required")
    with pytest.raises(EntryError, match="TensorFlow sees no GPU"):
        said_to_tensorflow(monkeypatch, tmp_path, Config(gpus=0))


@pytest.mark.tensorflow
def test_tensorflow_knows_these_names() -> None:
    """What is stood in for above has to be there."""
    program = (
        "import tensorflow as tf; c = tf.config;"
        "print(c.LogicalDeviceConfiguration(memory_limit=5).memory_limit, c.set_logical_device_configuration.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ, timeout=240
    )
    assert done.stdout.split() == ["5", "set_logical_device_configuration"]
