"""Bad input at the start: one clear line, the right exit code, nothing left running, no traceback of ours."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from support.server import free_port

OK = "def init(): pass\ndef run(data): return data\n"


def plimsoll(folder: Path, *flags: str) -> tuple[int, str, str]:
    """Exit code, last line of stderr, all of stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "plimsoll", *flags], cwd=folder, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr.rstrip().splitlines()[-1], done.stderr


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def init(: pass", "Failed to import user script {script}: SyntaxError"),
        ("import nope", "Failed to import user script {script}, line 1: ModuleNotFoundError: No module named 'nope'"),
        ("def init(): pass", "User script at {script} does not have a run() function defined."),
        ("def run(data): pass", "User script at {script} does not have a init() function defined."),
        (OK.replace("(data)", "()"), "run() needs to accept an argument for input data."),
        (OK.replace("(data)", "(*args)"), "run() cannot accept positional-only arguments, *args, or **kwargs."),
        (
            OK.replace("pass", "raise ValueError('no weights')"),
            "User's init function failed: {script}: ValueError",
        ),
        (OK.replace("pass", "import sys; sys.exit(0)"), "User's init function failed: {script}: SystemExit: 0"),
        (OK.replace("pass", "import os; os._exit(9)"), "the worker exited with code 9 while it loaded {script}"),
        (
            OK.replace("pass", "import os; os.kill(os.getpid(), 9)"),
            "the worker was killed by signal 9 (SIGKILL) while it loaded",
        ),
        (
            OK.replace("pass", "import os; os.abort()"),
            "the worker was killed by signal 6 (SIGABRT) while it loaded {script}",
        ),
    ],
)
def test_a_script_that_cannot_start_ends_with_3(tmp_path: Path, source: str, message: str) -> None:
    script = tmp_path / "score.py"
    script.write_text(source)
    code, last, everything = plimsoll(tmp_path, "--entry-script", "score.py", "--port", str(free_port()))
    assert code == 3
    assert last.startswith("plimsoll: error: ")
    assert message.format(script=script) in last
    crashed = "Fatal Python error" in everything  # then the interpreter dumps the whole stack, ours too
    assert crashed or "plimsoll/workers" not in everything
    assert "gunicorn" not in everything
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(script) in (p.info["cmdline"] or [])]


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (["--entry-script", "gone.py"], 3, "entry script not found: {folder}/gone.py"),
        (["--entry-script", "builtin:onnx", "--model-dir", "gone"], 3, "model folder not found: {folder}/gone"),
        (["--entry-script", "score.py", "--app-root", "gone"], 3, "app root not found: {folder}/gone"),
        (["--entry-script", "score.py", "--workers", "-1"], 1, "flag --workers = '-1': input should be greater"),
        (
            ["--entry_script", "score.py", "--max_queue", "x"],
            1,
            "flag --max-queue = 'x': input should be a valid",
        ),
        (["--verify", "profile.json"], 1, "--verify has no requests to send (give them with --profile)"),
        (["--no-such-flag"], 1, "No such option"),
        (["--port"], 1, "Option '--port' requires an argument."),
        (["extra"], 1, "unexpected extra argument"),
    ],
)
def test_a_bad_command_line(tmp_path: Path, flags: list[str], code: int, message: str) -> None:
    (tmp_path / "score.py").write_text(OK)
    found, last, everything = plimsoll(tmp_path, *flags)
    assert found == code
    assert message.format(folder=tmp_path) in last
    assert everything.count("\n") == 1


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(OK)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, last, everything = plimsoll(tmp_path, "--entry-script", "score.py", "--port", str(port))
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in last
    assert everything.count("\n") == 1


def test_help_and_version_go_to_stdout(tmp_path: Path) -> None:
    for flag, text in (("--help", "--scoring-timeout-ms"), ("--version", "plimsoll 0.")):
        done = subprocess.run([sys.executable, "-m", "plimsoll", flag], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0
        assert text in done.stdout
        assert done.stderr == ""
