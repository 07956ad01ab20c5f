"""The ready-made scripts with real models in the CPU image, a container's life, and its health."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from image_container import Limits
from image_engine import APP, REPOSITORY, SCORE, Engine

from support.server import Client, Reply, Server, wait_for

pytestmark = pytest.mark.images

SCRIPTS = REPOSITORY / "entry_scripts"
ECHO = "def init(): pass\ndef run(data): return data\n"
# The test, outside, says when the model has loaded and when the call may end.
WAITS = """
    import os, time
    def wait_for(name):
        while not os.path.exists(f"/signs/{name}"): time.sleep(0.02)
    def init(): wait_for("loaded")
    def run(data):
        if data == "wait": wait_for("answer")
        return data
"""


def answers(server: Client, bodies: list[bytes]) -> list[Reply]:
    return [server.post("/score", body) for body in bodies]


def test_an_onnx_model_answers_as_outside_the_image(
    engine: Engine, cpu: str, made: Callable[[str], Path], tmp_path: Path
) -> None:
    model = made("onnx")
    bodies = (model / "requests.txt").read_bytes().splitlines()[:40]
    mounts = {SCRIPTS / "onnx": APP, model / "model": "/model"}
    with engine.run(cpu, *SCORE, "--model-dir", "/model", limits=Limits(mounts=mounts)) as inside:
        found = answers(inside, bodies)
        assert inside.metric("plimsoll_requests_total", route="/score", status="200") == len(bodies)
    with Server(copied("onnx", tmp_path), "--model-dir", str(model / "model")) as outside:
        wanted = answers(outside, bodies)
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine.status == theirs.status == 200
        assert mine.json()["predictions"] == theirs.json()["predictions"]
        for row, reference in zip(mine.json()["probabilities"], theirs.json()["probabilities"], strict=True):
            assert row == pytest.approx(reference, abs=1e-5)


def test_a_tensorflow_model_answers_as_outside_the_image(
    engine: Engine, cpu: str, made: Callable[[str], Path], tmp_path: Path
) -> None:
    model = made("tensorflow")
    bodies = [path.read_bytes() for path in sorted((model / "requests").glob("*.jpg"))[:3]]
    mounts = {SCRIPTS / "tensorflow": APP, model / "model": "/model"}
    limits = Limits(mounts=mounts, hardened=True)
    with engine.run(cpu, *SCORE, "--model-dir", "/model", limits=limits) as inside:
        found = answers(inside, bodies)
        assert inside.post("/score", b"no picture").status == 400
    with Server(copied("tensorflow", tmp_path), "--model-dir", str(model / "model")) as outside:
        wanted = answers(outside, bodies)
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine.status == theirs.status == 200
        assert mine.json()["class"] == theirs.json()["class"]
        assert mine.json()["probabilities"] == pytest.approx(theirs.json()["probabilities"], abs=1e-5)


def copied(name: str, folder: Path) -> Path:
    """Beside it the server writes its log."""
    script = folder / "score.py"
    script.write_bytes((SCRIPTS / name / "score.py").read_bytes())
    return script


def test_probes_and_the_healthcheck_follow_the_model(
    engine: Engine, slim: str, app: Callable[[str], Path], tmp_path: Path
) -> None:
    signs = tmp_path / "signs"
    signs.mkdir(mode=0o755)
    limits = Limits(mounts={app(WAITS): APP, signs: "/signs"})
    with engine.run(slim, *SCORE, "--drain-seconds", "30", limits=limits, wait=False) as container:
        wait_for(lambda: is_live(container), "liveness")
        assert container.get("/health/ready").status == 503
        assert container.exec("plimsoll", "healthcheck").returncode == 1
        (signs / "loaded").touch()
        container.wait_ready()
        assert container.exec("plimsoll", "healthcheck").returncode == 0
        assert container.post("/score", b"a").json() == "a"
        assert container.metric("plimsoll_workers", state="ready") == 1
        container.kill("TERM")
        wait_for(lambda: container.get("/health/ready").status == 503, "draining")
        assert container.exec("plimsoll", "healthcheck").returncode == 1
        assert container.get("/health/live").status == 200


def is_live(client: Client) -> bool:
    try:
        return client.get("/health/live").status == 200
    except OSError:
        return False


def test_sigterm_answers_the_call_under_way_and_exits_with_0(
    engine: Engine, slim: str, app: Callable[[str], Path], tmp_path: Path
) -> None:
    signs = tmp_path / "signs"
    signs.mkdir(mode=0o755)
    (signs / "loaded").touch()
    limits = Limits(mounts={app(WAITS): APP, signs: "/signs"})
    with engine.run(slim, *SCORE, limits=limits) as container:
        replies: list[Reply] = []
        caller = threading.Thread(target=lambda: replies.append(container.post("/score", b"wait")))
        caller.start()
        wait_for(lambda: container.metric("plimsoll_requests_in_flight") >= 1, "the call")
        container.kill("TERM")
        wait_for(lambda: not is_live(container), "the end of the port")
        assert not replies
        (signs / "answer").touch()
        caller.join()
        assert [json.loads(reply.body) for reply in replies] == ["wait"]
        assert container.wait() == 0


def test_a_hardened_container_with_a_random_user_serves(engine: Engine, slim: str, app: Callable[[str], Path]) -> None:
    """As OpenShift and careful clusters run it: nothing writable but /tmp, no capability, a user nobody knows."""
    script = """
        import os
        from pathlib import Path
        def init(): pass
        def run(data):
            status = Path("/proc/self/status").read_text()
            with open("/tmp/written", "w") as file: file.write(data)
            return [os.getuid(), os.getgid(), status.split("CapEff:")[1].split()[0], os.access("/var", os.W_OK)]
    """
    limits = Limits(mounts={app(script): APP}, hardened=True, user="54321:0")
    with engine.run(slim, *SCORE, "--workers", "2", limits=limits) as container:
        assert container.post("/score", b"x").json() == [54321, 0, "0" * 16, False]


def test_the_image_runs_as_a_user_of_its_own_under_an_init(
    engine: Engine, slim: str, app: Callable[[str], Path]
) -> None:
    script = """
        import os
        from pathlib import Path
        def init(): pass
        def run(data): return [os.getuid(), os.getgid(), Path("/proc/1/comm").read_text().strip()]
    """
    with engine.run(slim, *SCORE, limits=Limits(mounts={app(script): APP})) as served:
        assert served.post("/score", b"x").json() == [10001, 0, "tini"]
