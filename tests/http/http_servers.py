"""The server that the tests here talk to: its script answers with what it got."""

from __future__ import annotations

import textwrap
from pathlib import Path

from corpus.case import KEY, MAX_BODY_BYTES, MAX_HEAD_BYTES

from support.server import Server

ECHO = """
    import time
    from plimsoll.entry import Response, rawhttp

    def init(): pass

    def told(request):
        probe = request.headers.get("x-probe", "").encode("latin-1").hex()
        return {
            "x-method": request.method,
            "x-target": request.full_path if request.query_string else request.path,
            "x-names": " ".join(name.lower() for name, _ in request.headers),
            "x-probe": probe,
        }

    @rawhttp
    def run(request):
        wanted = request.headers.get("x-want", "200")
        if wanted == "slow":
            time.sleep(0.005)
        if wanted == "stream":
            return Response(iter(["one ", "two ", "three"]), headers=told(request))
        return Response(request.get_data(), int(wanted) if wanted.isdigit() else 200, told(request))
"""
_LIMITS = ("--max-head-bytes", str(MAX_HEAD_BYTES), "--max-body-bytes", str(MAX_BODY_BYTES), "--grace-seconds", "1")


def echo_server(folder: Path, *flags: str) -> Server:
    """Not started yet: it is a context manager."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "score.py"
    script.write_text(textwrap.dedent(ECHO))
    return Server(script, *_LIMITS, *flags)


def keyed_server(folder: Path) -> Server:
    """Asks for the API key of the corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = folder / "keys"
    keys.write_bytes(KEY + b"\n")
    return echo_server(folder, "--api-keys-file", str(keys))
