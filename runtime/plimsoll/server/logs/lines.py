"""Log lines, as text or as JSON, with the worker and the request id that they belong to.

Text is ``YYYY-mm-dd HH:MM:SS,mmm L [pid] logger - message`` in UTC, as Azure ML's server writes it. What the script
prints and the access log go to stdout, everything else to stderr. What a client chose stands in it so that it cannot
be taken for a part of the line.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time

from gunicorn.config import Config

from plimsoll.server.logs.writer import LogWriter

_TEXT = "%(asctime)s,%(msecs)03d %(letter)s [%(process)d] %(name)s - %(origin)s%(message)s"
_PRINT = "plimsoll.print"
_STDERR = "plimsoll.stderr"
_ENDING_S = 1.0
"""How long the last lines may take at the end."""
_UNSAFE = re.compile(r"[^!-Z^-~]")


class LogStreams:
    """Where every line of the server goes: nothing else writes to the two descriptors while it serves.

    One writer for both where they are the same file, so that lines keep their order and none lands within another.
    """

    def __init__(self) -> None:
        self.stdout = LogWriter(1)
        self.stderr = self.stdout if os.path.samestat(os.fstat(1), os.fstat(2)) else LogWriter(2)

    def start(self) -> None:
        """In the process that serves; the master goes on without threads."""
        for writer in self.writers().values():
            writer.start()

    def close(self) -> None:
        for writer in self.writers().values():
            writer.close(_ENDING_S)

    def writers(self) -> dict[str, LogWriter]:
        """By the name of the stream, as a metric labels them; one writer may serve both streams."""
        if self.stdout is self.stderr:
            return {"both": self.stdout}
        return {"stdout": self.stdout, "stderr": self.stderr}


def configure(level: str, form: str) -> LogStreams:
    """Sets up the front's loggers; the root logger is left alone. `form` is text or json."""
    streams = LogStreams()
    formatter = JsonFormatter() if form == "json" else TextFormatter()
    _attach("plimsoll", streams.stderr, level.upper(), formatter)
    _attach(_PRINT, streams.stdout, "INFO", formatter)
    for name in ("gunicorn.error", "asyncio"):
        _attach(name, streams.stderr, "WARNING", formatter)
    logging.getLogger("gunicorn.error").addFilter(_StartFailureFilter())
    return streams


def visible(text: str) -> str:
    r"""Printable ASCII without spaces, brackets and backslashes; any other character as ``\xNN`` or ``\uNNNN``."""
    return _UNSAFE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


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
        request_id = visible(getattr(record, "request_id", ""))
        origin = " ".join(filter(None, (getattr(record, "worker", ""), request_id)))
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


class FrontLogger(logging.LoggerAdapter[logging.Logger]):
    """What gunicorn asks of a logger ("a class that quacks like gunicorn.glogging.Logger"), writing through ours.

    Its own brings logging.config with it, for files and syslog that nothing is written to here.
    """

    def __init__(self, cfg: Config) -> None:
        super().__init__(logging.getLogger("gunicorn.error"), {})
        self.cfg = cfg

    def reopen_files(self) -> None:
        """gunicorn calls this on SIGUSR1; logs go to streams, and no file is open."""

    def close_on_exec(self) -> None:
        """Nothing to close, for the same reason."""


def _attach(name: str, stream: LogWriter, level: str, formatter: logging.Formatter) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger(name)
    logger.handlers = [handler]
    logger.setLevel(level)
    logger.propagate = False
