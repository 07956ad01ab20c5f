"""The GPU image, built whole, on a machine that need not have a GPU: `make test-image-gpu`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from image_container import Limits
from image_engine import APP, AS_ROOT, REPOSITORY, SCORE, Engine

pytestmark = pytest.mark.image_gpu

OK = "def init(): pass\ndef run(data): return data\n"
FRAMEWORKS = """
import onnxruntime, tensorflow
assert "CUDAExecutionProvider" in onnxruntime.get_available_providers()
assert tensorflow.test.is_built_with_cuda()
"""


def python(engine: Engine, image: str, program: str) -> str:
    """What the program prints inside the image."""
    result = engine.once(image, "-c", program, flags=(*AS_ROOT, "python"))
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_both_frameworks_are_built_for_cuda(engine: Engine, gpu: str) -> None:
    python(engine, gpu, FRAMEWORKS)


def test_the_finished_image_is_whole(engine: Engine, gpu: str) -> None:
    """The build's own test, once more: every library finds those it needs, but for the driver's; both compute."""
    limits = Limits(mounts={REPOSITORY / "images" / "smoke.py": "/smoke.py"})
    packages = ("tensorflow", "onnxruntime-gpu==1.26.0")
    result = engine.once(gpu, "/smoke.py", *packages, limits=limits, flags=("--entrypoint", "python"))
    assert result.returncode == 0, result.stderr
    looked_at = re.search(r"(\d+) shared libraries and programs looked at", result.stderr)
    assert looked_at
    assert int(looked_at[1]) > 100


def test_a_required_gpu_that_is_not_there_is_said(engine: Engine, gpu: str, app: Callable[[str], Path]) -> None:
    result = engine.once(gpu, *SCORE, "--gpu", "required", limits=Limits(mounts={app(OK): APP}))
    assert result.returncode == 3, result.stderr
    assert "GPU" in result.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("script", ["onnx", "tensorflow"])
def test_without_a_gpu_it_serves_on_the_cpu(engine: Engine, gpu: str, made: Callable[[str], Path], script: str) -> None:
    model = made(script)
    mounts = {REPOSITORY / "entry_scripts" / script: APP, model / "model": "/model"}
    flags = (*SCORE, "--model-dir", "/model", "--gpu", "auto")
    with engine.run(gpu, *flags, limits=Limits(mounts=mounts, hardened=True)) as container:
        requests = model / "requests"
        body = (
            min(requests.glob("*.jpg")).read_bytes()
            if requests.is_dir()
            else (model / "requests.txt").read_bytes().splitlines()[0]
        )
        assert container.post("/score", body).status == 200
