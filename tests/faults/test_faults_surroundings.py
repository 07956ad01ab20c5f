"""Files and folders that the server or the script cannot use: one line that names them and what to do, exit code 3."""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plimsoll.entry.failures import remedy_for
from plimsoll.errors import EntryError
from plimsoll.server.run import heartbeat_folder
from support.fixtures import Serve
from support.server import PATIENCE_S, Client, free_port, wait_for

OK = "def init(): pass\ndef run(data): return data\n"
READS = (
    "import os\ndef init(): open(os.path.join(os.environ['AZUREML_MODEL_DIR'], 'm.bin'))\ndef run(data): return data\n"
)
_PR_CAPBSET_DROP, _DAC_OVERRIDE, _DAC_READ_SEARCH = 24, 1, 2


def without_roots_rights() -> None:
    """Between fork and exec: root, too, then reads only what the file's mode allows."""
    libc = ctypes.CDLL(None)
    for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def refusal(folder: Path, *flags: str, **variables: str) -> str:
    """The last line; the exit code must be 3."""
    done = subprocess.run(
        [sys.executable, "-m", "plimsoll", "--port", str(free_port()), *flags],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        preexec_fn=without_roots_rights,
    )
    assert done.returncode == 3, done.stderr
    last = done.stderr.rstrip().splitlines()[-1]
    assert last.startswith("plimsoll: error: ")
    return last


@pytest.fixture
def close() -> Iterator[Callable[[Path], Path]]:
    """Takes all rights away; gives them back at the end, so that the folder can be removed."""
    closed: list[Path] = []

    def chmod(path: Path) -> Path:
        closed.append(path)
        path.chmod(0)
        return path

    yield chmod
    for path in reversed(closed):
        path.chmod(0o700)


WHO = f"this is user {os.getuid()}, group {os.getgid()}: chmod -R a+rX"


def test_a_closed_model_folder(tmp_path: Path, close: Callable[[Path], Path]) -> None:
    (tmp_path / "score.py").write_text(OK)
    (tmp_path / "model" / "deep").mkdir(parents=True)
    model = close(tmp_path / "model")
    flags = ("--entry-script", "score.py", "--model-dir")
    assert f"model folder cannot be read: {model}: Permission denied ({WHO} {model}" in refusal(
        tmp_path, *flags, "model"
    )
    deep = f"{model}/deep"
    assert f"model folder cannot be reached: {deep}: Permission denied ({WHO}" in refusal(tmp_path, *flags, deep)


MAY_BE_MISSING = """
import os
def init():
    if os.environ.get("MUST_BE_THERE"): open("m.bin")
def run(data): return os.environ["AZUREML_MODEL_DIR"]
"""


def test_a_missing_model_folder_is_for_init_to_judge(tmp_path: Path, serve: Serve) -> None:
    """The variable stays as it was given: scripts join it with a folder of their own."""
    server = serve(MAY_BE_MISSING, "--model-dir", "gone")
    assert server.post("/score", b"1").json() == "gone"
    warnings = [line for line in server.log().splitlines() if "warning" in line]
    assert warnings == [f"plimsoll: warning: model folder not found: {tmp_path}/gone: init() has to manage without it"]


def test_an_init_that_fails_without_its_model_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(MAY_BE_MISSING)
    last = refusal(tmp_path, "--entry-script", "score.py", "--model-dir", f"{tmp_path}/gone", MUST_BE_THERE="1")
    assert "FileNotFoundError: [Errno 2] No such file or directory: 'm.bin'" in last
    assert last.endswith(f"(the model folder {tmp_path}/gone does not exist)")


def test_a_model_that_is_one_file(tmp_path: Path, serve: Serve) -> None:
    (tmp_path / "model.bin").touch()
    server = serve(MAY_BE_MISSING, "--model-dir", "model.bin")
    assert server.post("/score", b"1").json() == str(tmp_path / "model.bin")
    assert "warning" not in server.log()


def test_a_missing_source_folder(tmp_path: Path, serve: Serve) -> None:
    server = serve("def init(): pass\ndef run(data): return 1", "--source-dir", "gone")
    assert server.post("/score", b"1").status == 200
    server.wait_log(f"plimsoll: warning: source folder not found: {tmp_path}/gone: nothing can be imported")


def test_a_closed_model_file(tmp_path: Path, close: Callable[[Path], Path]) -> None:
    (tmp_path / "score.py").write_text(READS)
    (tmp_path / "m.bin").touch()
    close(tmp_path / "m.bin")
    last = refusal(tmp_path, "--entry-script", "score.py", "--model-dir", ".")
    assert f"PermissionError: [Errno 13] Permission denied: '{tmp_path}/m.bin' ({WHO} what it reads" in last


def test_a_closed_script(tmp_path: Path, close: Callable[[Path], Path]) -> None:
    (tmp_path / "score.py").write_text(OK)
    script = close(tmp_path / "score.py")
    assert f"entry script cannot be read: {script}: Permission denied ({WHO}" in refusal(tmp_path, AML_APP_ROOT=".")


def test_an_app_root_without_a_script(tmp_path: Path) -> None:
    assert f"entry script not found: {tmp_path}/score.py" in refusal(tmp_path, AML_APP_ROOT=str(tmp_path))


@pytest.mark.parametrize("sources", [{"score.py": OK}, {"main.py": OK}, {"score.py": OK, "main.py": "not this one"}])
def test_the_script_of_an_app_root_is_score_py(tmp_path: Path, sources: dict[str, str]) -> None:
    """As in the images, which say where the app root is and nothing else; main.py is the name in Azure ML's."""
    for name, source in sources.items():
        (tmp_path / name).write_text(source)
    port = free_port()
    command = [sys.executable, "-m", "plimsoll", "--port", str(port)]
    with subprocess.Popen(command, cwd="/", env=os.environ | {"AML_APP_ROOT": str(tmp_path)}) as server:
        try:
            asking = [sys.executable, "-m", "plimsoll", "healthcheck", "--port", str(port)]
            while subprocess.run(asking, capture_output=True).returncode:
                assert server.poll() is None
        finally:
            server.terminate()
    assert server.returncode == 0


def test_alone_in_a_folder_with_a_score_py_it_serves_that(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(OK)
    port = free_port()
    environment = os.environ | {"PLIMSOLL_PORT": str(port)}
    log = tmp_path / "log"
    with (
        log.open("wb") as stderr,
        subprocess.Popen([sys.executable, "-m", "plimsoll"], cwd=tmp_path, env=environment, stderr=stderr) as server,
    ):
        try:
            client = Client()
            client.port = port
            wait_for(lambda: server.poll() is not None or client.is_ready(), "readiness")
            assert client.post("/score", b"hello").json() == "hello"
        finally:
            server.terminate()
    assert server.returncode == 0
    where = f"serves {tmp_path}/score.py, found in the current folder, on http://127.0.0.1:{port} with 1 worker(s)"
    assert where in log.read_text()


@pytest.mark.parametrize("other", ["main.py", "app.py"])
def test_alone_in_any_other_folder_it_says_what_to_give(tmp_path: Path, other: str) -> None:
    """Not even main.py is taken: outside an app root that may be any program."""
    (tmp_path / other).write_text(OK)
    done = subprocess.run(
        [sys.executable, "-m", "plimsoll"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"plimsoll: error: no entry script: there is no score.py in {tmp_path}"
        " (give --entry-script FILE, or set AZUREML_ENTRY_SCRIPT)\n"
    )


def test_the_heart_beats_in_the_first_folder_that_can_be_written(tmp_path: Path) -> None:
    assert heartbeat_folder(["/proc", str(tmp_path), "/"]) == str(tmp_path)
    with pytest.raises(EntryError, match=r"nothing can be written: /proc, /gone are all read-only or full \(give the"):
        heartbeat_folder(["/proc", "/gone"])


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (OSError(errno.EROFS, "Read-only file system"), "read-only: write to /tmp"),
        (OSError(errno.ENOSPC, "No space left on device"), "no space left"),
        (MemoryError(), "give the container more"),
        (FileNotFoundError(errno.ENOENT, "No such file"), ""),
        (ValueError("x"), ""),
    ],
)
def test_remedies_are_for_what_the_script_cannot_help(failure: BaseException, said: str) -> None:
    assert said in remedy_for(failure)
    assert bool(said) == bool(remedy_for(failure))
