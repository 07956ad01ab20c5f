"""A closed loop by wrk: every connection sends its next request when it has the answer to the last one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from benchmarks.load.figures import Figures, LoadFailed

_TIMEOUT_S = 60
_SCRIPT = Path(__file__).with_name("post.lua")


def run(port: int, path: str, body: Path, content_type: str, connections: int, seconds: int) -> Figures:
    """wrk looks at the status of an answer and counts its bytes, no more."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={_TIMEOUT_S}s", "-s", str(_SCRIPT)]
    environment = os.environ | {"BENCH_BODY": str(body), "BENCH_TYPE": content_type}
    url = f"http://127.0.0.1:{port}{path}"
    done = subprocess.run([*command, url], capture_output=True, text=True, env=environment)
    if done.returncode:
        raise LoadFailed(f"wrk ended with code {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return figures_of(json.loads(done.stdout.splitlines()[-1]))


def figures_of(found: dict[str, int]) -> Figures:
    """From the line that post.lua writes. Answers other than 2xx and 3xx and broken connections are failures."""
    failures = {name: found[name] for name in ("connect", "read", "write", "status", "timeout") if found[name]}
    if failures or not found["requests"]:
        raise LoadFailed(f"beside {found['requests']} answers, wrk counted failures: {failures}")
    return Figures(found["requests"], found["duration"] / 1e6, found["p50"] / 1e3, found["p99"] / 1e3)
