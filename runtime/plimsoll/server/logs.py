"""Log lines, as text or as JSON, with the worker and the request id that they belong to.

Text is ``YYYY-mm-dd HH:MM:SS,mmm L [pid] logger - message`` in UTC, as Azure ML's server writes it. What the script
prints and the access log go to stdout, everything else to stderr.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import TextIO

from gunicorn.config import Config
from gunicorn.glogging import Logger

_TEXT = "%(asctime)s,%(msecs)03d %(letter)s [%(process)d] %(name)s - %(origin)s%(message)s"
_PRINT = "plimsoll.print"
_STDERR = "plimsoll.stderr"


def configure(level: str, form: str) -> None:
    """Sets up the front's loggers; the root logger is left alone. `form` is text or json."""
    formatter = JsonFormatter() if form == "json" else TextFormatter()
    _attach("plimsoll", sys.stderr, level.upper(), formatter)
    _attach(_PRINT, sys.stdout, "INFO", formatter)
    for name in ("gunicorn.error", "uvicorn.error"):
        _attach(name, sys.stderr, "WARNING", formatter)
    logging.getLogger("gunicorn.error").addFilter(_StartFailureFilter())


def script_line(worker: str, stream: str, request_id: str, line: str) -> None:
    """Forwards one line of score.py's output."""
    logger = logging.getLogger(_PRINT if stream == "stdout" else _STDERR)
    logger.info("%s", line, extra={"worker": worker, "request_id": request_id})


class TextFormatter(logging.Formatter):
    """Worker and request id stand in brackets before the message: ``[worker-0 4f1c…] text``."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(_TEXT, "%Y-%m-%d %H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        record.letter = record.levelname[0]
        origin = " ".join(filter(None, (getattr(record, "worker", ""), getattr(record, "request_id", ""))))
        record.origin = f"[{origin}] " if origin else ""
        return super().format(record)


class JsonFormatter(logging.Formatter):
    """One object per line; `worker` and `requestId` only where there is one."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        content = {
            "time": f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "worker": getattr(record, "worker", ""),
            "requestId": getattr(record, "request_id", ""),
            "message": record.getMessage(),
            "traceback": self.formatException(record.exc_info) if record.exc_info else "",
        }
        return json.dumps({name: value for name, value in content.items() if value != ""})


class _StartFailureFilter(logging.Filter):
    """Drops what gunicorn says of a front that ended with code 3: the front has said why, in one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        return not (text.startswith(("Shutting down", "Reason: Worker failed")) or text.endswith("exited with code 3."))


class FrontLogger(Logger):  # type: ignore[misc]
    """gunicorn's logger, writing through ours."""

    def setup(self, cfg: Config) -> None:
        self.error_log = logging.getLogger("gunicorn.error")
        self.access_log = logging.getLogger("gunicorn.access")


def _attach(name: str, stream: TextIO, level: str, formatter: logging.Formatter) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger(name)
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False
