"""Log lines: ``YYYY-mm-dd HH:MM:SS,mmm L [pid] logger - message`` in UTC, as Azure ML's server writes them.

What the script prints goes to stdout, everything else to stderr.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TextIO

from gunicorn.config import Config
from gunicorn.glogging import Logger

_FORMAT = "%(asctime)s,%(msecs)03d %(letter)s [%(process)d] %(name)s - %(message)s"
_PRINT = "plimsoll.print"
_STDERR = "plimsoll.stderr"


def configure(level: str) -> None:
    """Sets up the front's loggers; the root logger is left alone."""
    _attach("plimsoll", sys.stderr, level.upper())
    _attach(_PRINT, sys.stdout, "INFO")
    for name in ("gunicorn.error", "uvicorn.error"):
        _attach(name, sys.stderr, "WARNING")
    logging.getLogger("gunicorn.error").addFilter(_StartFailureFilter())


def script_line(worker: str, stream: str, line: str) -> None:
    """Forwards one line of score.py's output, with its worker named."""
    logging.getLogger(_PRINT if stream == "stdout" else _STDERR).info("[%s] %s", worker, line)


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


class _Formatter(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        record.letter = record.levelname[0]
        return super().format(record)


def _attach(name: str, stream: TextIO, level: str) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter(_FORMAT, "%Y-%m-%d %H:%M:%S"))
    logger = logging.getLogger(name)
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False
