"""A page in the real Chromium: what it made of it, what its console said, what it tried to fetch."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.server import PATIENCE_S

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
    "--disable-features=OptimizationHints,MediaRouter,Translate", "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr", "--virtual-time-budget=3000",
)  # fmt: skip
_CONSOLE = re.compile(r":CONSOLE:\d+\] (.*)")


@dataclass(frozen=True, slots=True)
class Visit:
    """`requests` are the addresses of everything fetched but the page itself and what it carries inside."""

    dom: str
    console: list[str]
    requests: list[str]


def visit(page: Path, folder: Path) -> Visit:
    """Opens a local file; `folder` is for the browser's own things."""
    program = shutil.which("chromium")
    assert program, "this test needs chromium (Debian: apt-get install chromium)"
    net_log = folder / "net.json"
    own = (f"--user-data-dir={folder / 'user'}", f"--log-net-log={net_log}", "--dump-dom", page.as_uri())
    done = subprocess.run([program, *_FLAGS, *own], capture_output=True, text=True, timeout=4 * PATIENCE_S, check=True)
    return Visit(done.stdout, _CONSOLE.findall(done.stderr), _requests(net_log))


def print_pdf(page: Path, folder: Path) -> bytes:
    """As it comes out of a printer."""
    program = shutil.which("chromium")
    assert program, "this test needs chromium (Debian: apt-get install chromium)"
    own = (f"--user-data-dir={folder / 'user'}", f"--print-to-pdf={folder / 'page.pdf'}", page.as_uri())
    subprocess.run([program, *_FLAGS, *own], capture_output=True, timeout=4 * PATIENCE_S, check=True)
    return (folder / "page.pdf").read_bytes()


def _requests(net_log: Path) -> list[str]:
    log: dict[str, Any] = json.loads(net_log.read_text())
    started = log["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    jobs = [event.get("params", {}) for event in log["events"] if event["type"] == started]
    # What the browser asks for itself (updates, the time) has no page that initiated it.
    urls = {job.get("url", "") for job in jobs if job.get("initiator") != "not an origin"}
    return sorted(url for url in urls if url.startswith(("http:", "https:", "ws:", "wss:")))
