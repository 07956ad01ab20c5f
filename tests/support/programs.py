"""Debian's servers as processes of a test: where they are, how they run, and nginx kept to a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from support.server import wait_for

# Debian keeps nginx and haproxy in /usr/sbin, which not everybody has on the PATH.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))
_NGINX = """
daemon off;
master_process {master};
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{http}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, http: str, port: int, *, one_process: bool = False) -> Iterator[None]:
    """With `http` as the content of its block of that name; one of its servers listens on `port`."""
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, http=http, master="off" if one_process else "on"))
    with running(["nginx", "-e", str(folder / "start.log"), "-p", str(folder), "-c", str(file)], port):
        yield


@contextlib.contextmanager
def running(command: Sequence[str], port: int) -> Iterator[None]:
    """Until the block is left, from when the port is open."""
    name, *arguments = command
    program = shutil.which(name, path=_PATH)
    assert program, f"{name} is not installed"
    process = subprocess.Popen([program, *arguments])
    try:
        wait_for(lambda: process.poll() is not None or _is_open(port), f"{name} on port {port}")
        assert process.poll() is None, f"{name} ended with {process.returncode}; what it said stands above"
        yield
    finally:
        process.terminate()
        process.wait()


def _is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
