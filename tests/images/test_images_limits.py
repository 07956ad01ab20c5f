"""Limits that the engine enforces: memory that runs out, CPUs that are fewer than the machine's; and bad input."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from image_container import Limits
from image_engine import APP, REPOSITORY, SCORE, Engine

pytestmark = pytest.mark.images

OK = "def init(): pass\ndef run(data): return data\n"
THREADS = """
    import os
    NAMES = ("PLIMSOLL_CPU_THREADS", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    def init(): pass
    def run(data): return [os.environ.get(name) for name in NAMES]
"""


def test_a_call_that_runs_out_of_memory_costs_nobody_else(
    engine: Engine, slim: str, app: Callable[[str], Path]
) -> None:
    script = "def init(): pass\ndef run(data): return len(bytearray(b'x') * int(data))\n"
    limits = Limits(memory="256m", mounts={app(script): APP})
    with engine.run(slim, *SCORE, limits=limits) as container:
        assert container.post("/score", b"1000").json() == 1000
        reply = container.post("/score", b"1000000000")
        assert reply.status == 502
        assert "was killed by signal 9 (SIGKILL)" in reply.json()["message"]
        assert container.post("/score", b"2000").json() == 2000
        assert container.running()
        assert container.metric("plimsoll_worker_restarts_total") == 1


@pytest.mark.parametrize(("cpus", "workers"), [(1.0, 1), (0.5, 1), (1.0, 2)])
def test_libraries_get_as_many_threads_as_the_container_has_cpus(
    engine: Engine, slim: str, app: Callable[[str], Path], cpus: float, workers: int
) -> None:
    """Inside a container os.cpu_count() is still the machine's."""
    limits = Limits(cpus=cpus, mounts={app(THREADS): APP})
    with engine.run(slim, *SCORE, "--workers", str(workers), limits=limits) as container:
        assert container.post("/score", b"1").json() == ["1", "1", "1"]


def test_without_a_limit_they_get_all(engine: Engine, slim: str, app: Callable[[str], Path]) -> None:
    limits = Limits(mounts={app(THREADS): APP}, env={"OMP_NUM_THREADS": "7"})
    with engine.run(slim, *SCORE, limits=limits) as container:
        all_cpus = str(len(os.sched_getaffinity(0)))
        assert container.post("/score", b"1").json() == [all_cpus, "7", all_cpus]


def refusal(engine: Engine, image: str, limits: Limits, *flags: str) -> str:
    """The one line that says why the container did not start."""
    result = engine.once(image, *flags, limits=limits)
    assert result.returncode == 3, result.stderr
    *_, last = result.stderr.strip().splitlines()
    assert last.startswith("plimsoll: error: ")
    assert "plimsoll/" not in result.stderr, "a traceback of ours"
    return last


def test_a_container_without_a_script(engine: Engine, slim: str) -> None:
    """The images say where it is looked for: in their app root."""
    assert "entry script not found: /var/azureml-app/score.py" in refusal(engine, slim, Limits())


def test_a_script_that_is_not_there(engine: Engine, slim: str, app: Callable[[str], Path]) -> None:
    limits = Limits(mounts={app(OK): APP})
    last = refusal(engine, slim, limits, "--entry-script", "gone.py")
    assert "entry script not found: /var/azureml-app/gone.py" in last


def test_a_model_folder_that_the_user_may_not_read(
    engine: Engine, cpu: str, made: Callable[[str], Path], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o700)
    limits = Limits(mounts={REPOSITORY / "entry_scripts" / "onnx": APP, secret: "/model"})
    last = refusal(engine, cpu, limits, *SCORE, "--model-dir", "/model")
    assert "/model" in last


def test_a_memory_limit_that_the_model_does_not_fit(engine: Engine, slim: str, app: Callable[[str], Path]) -> None:
    script = "def init(): bytearray(b'x') * 400_000_000\ndef run(data): return data\n"
    limits = Limits(memory="128m", mounts={app(script): APP})
    last = refusal(engine, slim, limits, *SCORE)
    assert "killed by signal 9 (SIGKILL) while it loaded" in last
    assert "the memory limit of 128 MiB was reached" in last


def test_a_gpu_that_is_required_and_not_there(engine: Engine, slim: str, app: Callable[[str], Path]) -> None:
    if subprocess.run(["sh", "-c", "ls /dev/nvidia0"], capture_output=True).returncode == 0:
        pytest.skip("this machine has a GPU")
    limits = Limits(mounts={app(OK): APP})
    assert "GPU" in refusal(engine, slim, limits, *SCORE, "--gpu", "required")
