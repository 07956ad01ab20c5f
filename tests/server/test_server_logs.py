"""Log lines: whose they are, in text and in JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.fixtures import Serve, WriteScript

CHATTY = """
    import logging, sys, threading
    def init():
        logging.basicConfig(level=logging.INFO)
        print("loading")
    def run(data):
        print("to stdout", data)
        print("to stderr", data, file=sys.stderr)
        logging.info("by a logger %s", data)
        sys.stdout.write("without an end " + data)
        return 1
"""
LINES = ("to stdout", "to stderr", "INFO:root:by a logger", "without an end")


def test_every_line_of_a_request_carries_its_id(serve: Serve) -> None:
    server = serve(CHATTY, "--threads", "4")
    for number in range(20):
        server.post("/score", b"%d" % number, x_request_id=f"id-{number}")
    server.wait_log("[worker-0] loading\n")
    for number in range(20):
        for line in LINES:
            server.wait_log(f"[worker-0 id-{number}] {line} {number}\n")
        server.wait_log(f"[id-{number}] POST /score 200 ")


def test_json_lines(serve: Serve) -> None:
    server = serve(CHATTY, "--log-format", "json")
    server.post("/score", b"7", x_request_id="mine")
    for line in LINES:
        server.wait_log(f'"{line} 7"')
    server.wait_log('"target"')
    lines: list[dict[str, Any]] = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    printed = next(line for line in lines if line["message"].startswith("to stdout"))
    assert (printed["worker"], printed["requestId"], printed["logger"]) == ("worker-0", "mine", "plimsoll.print")
    access = next(line for line in lines if line["logger"] == "plimsoll.access")
    assert (access["requestId"], access["method"], access["target"], access["status"]) == (
        "mine",
        "POST",
        "/score",
        200,
    )
    assert all(line["time"].endswith("Z") and line["level"] in ("info", "error") for line in lines)


def test_a_timeout_names_its_request(serve: Serve) -> None:
    server = serve(
        """
        import time
        def init(): pass
        def run(data): time.sleep(100)
        """,
        *("--scoring-timeout-ms", "200"),
    )
    server.post("/score", b"1", x_request_id="stuck-one")
    server.wait_log("[stuck-one] worker-0")


def test_log_level_warning_leaves_the_access_lines_out(serve: Serve) -> None:
    server = serve(CHATTY, "--log-level", "warning")
    server.post("/score", b"1")
    server.wait_log("to stdout")
    assert "plimsoll.access" not in server.log()


def test_logging_json_is_the_users(serve: Serve, write_script: WriteScript) -> None:
    folder = write_script("").parent
    config = {
        "version": 1,
        "formatters": {"azure": {"()": "azureml_inference_server_http.log_config.AMLLogFormatter"}},
        "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "azure", "stream": "ext://sys.stdout"}},
        "loggers": {"mine": {"level": "DEBUG", "handlers": ["out"]}},
    }
    (folder / "logging.json").write_text(json.dumps(config))
    server = serve("""
        import logging
        def init(): pass
        def run(data):
            logging.getLogger("mine").debug("by my configuration")
            return 1
    """)
    server.post("/score", b"1")
    server.wait_log("mine - by my configuration")


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "Expecting property name"), ('{"version": 7}', "Unsupported version"), ("[]", "cannot be applied")],
)
def test_a_broken_logging_json_ends_with_3(serve: Serve, write_script: WriteScript, content: str, message: str) -> None:
    (write_script("").parent / "logging.json").write_text(content)
    server = serve(CHATTY, wait=False)
    assert server.wait_exit() == 3
    server.wait_log("logging.json: the logging configuration cannot be applied")
    server.wait_log(message)
