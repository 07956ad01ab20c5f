"""The command line as its users meet it: `plimsoll --help`, on a terminal of any width and in a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

from plimsoll.settings.declarations import Group, declared, grouped
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.resolution import flag
from plimsoll.settings.serving import ServeSettings

PLIMSOLL = [sys.executable, "-m", "plimsoll"]


def piped(columns: int) -> str:
    environment = os.environ | {"COLUMNS": str(columns)}
    done = subprocess.run([*PLIMSOLL, "--help"], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def on_a_terminal(columns: int) -> str:
    """What a real pseudo-terminal of that width gets."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm-256color"}
    with subprocess.Popen([*PLIMSOLL, "--help"], env=environment, stdin=theirs, stdout=theirs) as process:
        os.close(theirs)
        text = b""
        while part := _read(ours):
            text += part
    os.close(ours)
    assert process.returncode == 0
    return text.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """Empty when the other side is closed, which Linux reports as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def sections(text: str) -> dict[str, str]:
    """Heading → what stands below it."""
    parts = re.split(r"^(\S.*):$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_setting_stands_in_its_group_once() -> None:
    found = sections(piped(100))
    for group, settings in grouped(ServeSettings, ProfileSettings).items():
        assert settings, group
        assert re.findall(r"^  (--[a-z0-9-]+)", found[group.value], re.MULTILINE) == [flag(name) for name in settings]
    assert re.findall(r"^  (?:-h, )?(--[a-z-]+)", found["Other options"], re.MULTILINE) == [
        "--config-file",
        "--version",
        "--help",
    ]
    assert list(found) == [*(group.value for group in Group), "Other options"]


def test_every_setting_has_a_group_and_at_most_two_sentences() -> None:
    for model in (ServeSettings, ProfileSettings):
        for name, setting in declared(model).items():
            assert setting.group is not None, name
            assert setting.description.endswith("."), name
            assert len(re.findall(r"\.(?: |$)", setting.description)) <= 2, name


@pytest.mark.parametrize("columns", [80, 100, 120])
def test_it_fits_the_terminal(columns: int) -> None:
    text = on_a_terminal(columns)
    longest = max(text.splitlines(), key=len)
    assert columns - 12 < len(longest) <= columns, longest
    assert text == piped(columns), "a terminal and a pipe of one width get the same"
    assert "\x1b" not in text
    assert not re.search(r"[ \t-]$", text, re.MULTILINE), "a blank at the end of a line, or a name broken at a hyphen"


def test_examples_come_first() -> None:
    top = piped(80).partition(f"{Group.SCRIPT.value}:")[0]
    assert [line.split()[0] for line in top.splitlines() if " plimsoll -" in line] == ["serve", "profile", "verify"]
