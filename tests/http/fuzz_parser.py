"""``make fuzz``: atheris on a real server, over a socket. What it finds is kept in seeds/parser.

The server is another process, so what guides atheris is the coverage of the reference reader and of the reader of the
answers: new kinds of requests and new kinds of answers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import atheris
from http_servers import echo_server
from talk.play import Fence

with atheris.instrument_imports(include=["reference", "talk.reading", "talk.judge"]):
    from parser_target import check

_PORT = "PLIMSOLL_FUZZ_PORT"


def main() -> int:
    if _PORT in os.environ:
        _fuzz(int(os.environ[_PORT]))
    # libFuzzer never returns: it has a process of its own, and the server ends with this one.
    with tempfile.TemporaryDirectory() as folder, echo_server(Path(folder)) as server:
        return subprocess.run([sys.executable, *sys.argv], env=os.environ | {_PORT: str(server.port)}).returncode


def _fuzz(port: int) -> None:
    with Fence(port) as fence:
        atheris.Setup(sys.argv, lambda data: check(port, fence, data))
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
