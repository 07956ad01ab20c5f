"""`azureml.ai.monitoring.Collector`, for images that do not hold the package azureml-ai-monitoring.

Where nothing is collected it does nothing, while the package raises in the script's init(). A record that finds no room
is dropped and counted: only an `on_error` of the script's own hears of it, so that run() goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from plimsoll.entry.collection.contexts import BasicCorrelationContext, get_context
from plimsoll.entry.collection.recorder import NOT_SENT, recorder

_FRAME = "pandas.core.frame.DataFrame"


class Collector:
    """Takes pandas' data frames, and nothing else, as the package does."""

    def __init__(self, *, name: str, on_error: Callable[[Exception], Any] | None = None) -> None:
        self.name = name
        self.on_error = on_error or _raise
        self._hears_of_drops = on_error is not None
        if not name:
            self.on_error(Exception("collection name is not provided"))
        recorder()

    def collect(self, data: Any, correlation_context: Any = None) -> Any:
        """Answers the context, for the next collector of the same request."""
        context = correlation_context if correlation_context is not None else get_context()
        found = recorder()
        if found is None or not self.name or not found.samples(self.name):
            return context
        if not _is_frame(data):
            kind = type(data).__name__
            self.on_error(TypeError(f"data type ({kind}) not supported, supported types: pandas.DataFrame"))
            return context
        at_s = None if correlation_context is None else _timestamp(context)
        headers = context.get_headers() if isinstance(context, BasicCorrelationContext) else {}
        text = data.to_json(orient="records")
        if not found.record(self.name, context.get_id(), text, _FRAME, at_s, headers) and self._hears_of_drops:
            self.on_error(Exception(NOT_SENT))
        return context


def _timestamp(context: Any) -> float | None:
    """Of a context that the script passes on: all its records bear the same."""
    found = getattr(context, "get_timestamp", lambda: None)()
    return None if found is None else float(found)


def _is_frame(data: Any) -> bool:
    """Whoever has one has imported pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def _raise(error: Exception) -> None:
    raise error
