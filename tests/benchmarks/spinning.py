"""Processes of known CPU cost."""

from __future__ import annotations

import subprocess
import sys
import textwrap

from plimsoll.host.parent import adopt_orphans

SPIN = """
import os, subprocess, sys, threading, time

def spin(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass
"""


def python(source: str, **options: object) -> subprocess.Popen[str]:
    """A Python with `spin` that runs the source; it waits where the source reads a line."""
    program = SPIN + textwrap.dedent(source)
    return subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    )  # type: ignore[call-overload, no-any-return]


def server(source: str) -> subprocess.Popen[str]:
    """The same as the root of a tree, as the harness starts servers."""
    return python(source, preexec_fn=adopt_orphans)


def tell(process: subprocess.Popen[str]) -> str:
    """Lets it go on to its next line of output, and answers that."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline()
