"""Places to write that are not there, full or read-only: serving needs none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from storm.alone import load
from storm.shapes import prepared
from support.server import Server

# Each in a mount namespace of its own; a user who is not root gets one with the rights of root inside.
_ENTER = 'exec unshare --map-root-user --mount sh -c \'{}; exec "$@"\' sh "$@";'
_TMPFS = "mount -t tmpfs -o {1} tmpfs {0}"
_SMALL = [_TMPFS.format(folder, "size=64k") for folder in ("/dev/shm", "/run", "/var/tmp")]
SURROUNDINGS = {
    "no /dev/shm": [_TMPFS.format("/dev/shm", "ro")],
    "one page of /dev/shm": [_TMPFS.format("/dev/shm", "size=4k")],
    "a read-only root": [
        _TMPFS.format("/dev/shm", "size=1m"),
        "mount -o remount,bind,ro /",
        "if mountpoint -q /tmp; then mount -o remount,bind,ro /tmp; fi",
    ],
    "full folders": [*_SMALL, *(f"dd if=/dev/zero of={folder}/full || true" for folder in ("/run", "/var/tmp"))],
}


@pytest.mark.parametrize("surroundings", SURROUNDINGS)
def test_serves_without_places_to_write(tmp_path: Path, surroundings: str) -> None:
    """Large bodies as well: memory files are no files of /dev/shm."""
    before = _ENTER.format("; ".join(["set -e", *SURROUNDINGS[surroundings]]))
    with Server(prepared(tmp_path), "--workers", "2", before=before) as server:
        assert load(server, requests=1_500, seed=surroundings) == []


FILLS = """
    import os
    def init(): pass
    def run(data):
        if data != "fill":
            return data
        with open("/var/tmp/full", "wb") as file:
            while True:
                file.write(bytes(1 << 16))
"""


def test_a_script_that_fills_the_disk_fails_itself_only(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text("\n".join(line[4:] for line in FILLS.splitlines()))
    with Server(script, before=_ENTER.format(_TMPFS.format("/var/tmp", "size=1m"))) as server:
        for _ in range(3):
            full = server.post("/score", b"fill")
            assert (full.status, full.json()["code"]) == (500, "script_failed")
            assert server.post("/score", b"fine").json() == "fine"
        server.wait_log("No space left on device")
        assert server.metric("plimsoll_worker_restarts_total") == 0
