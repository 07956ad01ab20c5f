"""What Azure's own package does in each case: writes azureml_ai_monitoring.json, which the tests compare with.

In an environment of its own: `pip install azureml-ai-monitoring pandas`, then
`python tests/contract/azureml_ai_monitoring.py`.
The package posts what it collects to a sidecar on this machine; here that is a server that writes it down.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from collector_cases import CASES, OFF, play, told_id

_TYPE = "azureml.inference."
_ATTRIBUTES = {"ce-time", "ce-type", "ce-collect-data-type", "ce-agent", "ce-x-request-id", "ce-model-version"}
_posted: list[dict[str, Any]] = []
_deaths: list[str] = []


def told_time(text: str) -> str:
    return "now" if text.isdigit() and abs(int(text) - time.time()) < 600 else text


class Sidecar(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        sent = {name.lower(): value for name, value in self.headers.items()}
        _posted.append(
            {
                "path": self.path,
                "collection": sent["ce-type"].removeprefix(_TYPE),
                "kind": sent["ce-collect-data-type"],
                "content_type": sent["content-type"],
                "correlation": told_id(sent.get("ce-x-request-id")),
                "time": told_time(sent["ce-time"]),
                "attributes": {name: sent[name] for name in sent if name.startswith("ce-") and name not in _ATTRIBUTES},
                "content": body,
            }
        )
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def played(code: str) -> dict[str, Any]:
    """With what was posted, and what ended the thread that posts."""
    from azureml.ai.monitoring.init import teardown

    _posted.clear()
    _deaths.clear()
    found = play(code, pd, np)
    teardown(wait_for_flush=True)
    return found | {"posted": list(_posted), "thread_died_of": list(_deaths)}


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sidecar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.excepthook = lambda death: _deaths.append(f"{death.exc_type.__name__}: {death.exc_value}")
    logging.disable(logging.CRITICAL)
    off = {name: played(code) for name, code in OFF.items()}
    os.environ |= {"AZUREML_MDC_ENABLED": "true", "AZUREML_MDC_PORT": str(server.server_address[1])}
    cases = {name: played(code) for name, code in CASES.items()}
    packages = ("azureml-ai-monitoring", "pandas", "numpy", "requests")
    content = {**{name: version(name) for name in packages}, "cases": cases, "off": off}
    Path(__file__).with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
