"""The two classes that a `logging.json` made for Azure ML's server may name."""

from __future__ import annotations

import logging
import time


class AMLLogFormatter(logging.Formatter):
    """``2026-11-20 21:00:00,123 I [42] name - message``, in UTC."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(letter)s [%(process)d] %(name)s - %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record.letter = record.levelname[0]
        return super().format(record)


class RootAccessFilter(logging.Filter):
    """Drops the access lines of probes to ``/``."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "GET / HTTP/1." not in record.getMessage()
