"""`azureml.ai.monitoring.Collector`, for images that do not hold the package azureml-ai-monitoring.

Where nothing is collected it does nothing, while the package raises in the script's init(). A record that finds no
room, or cannot be written as JSON, is dropped and counted: only an `on_error` of the script's own hears of it, so that
run() goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from plimsoll.entry.collection.contexts import get_context
from plimsoll.entry.collection.kinds import is_of, type_name
from plimsoll.entry.collection.recorder import NOT_SENT, Recorder, recorder

_YEAR_10000_S = 253_402_300_800


class Collector:
    """Takes pandas' data frames, and nothing else, as the package does."""

    def __init__(self, *, name: str, on_error: Callable[[Exception], Any] | None = None) -> None:
        self.name = name
        self.on_error = on_error or _raise
        self._hears_of_drops = bool(on_error)
        self._has_name()
        recorder()

    def collect(self, data: Any, correlation_context: Any = None) -> Any:
        """Answers the context, for the next collector of the same request."""
        context = correlation_context if correlation_context is not None else get_context()
        found = recorder() if self._has_name() else None
        if found is None or not found.samples(str(self.name)):
            return context
        if not is_of(data, "pandas", "DataFrame"):
            kind = type(data).__name__
            self.on_error(TypeError(f"data type ({kind}) not supported, supported types: pandas.DataFrame"))
            return context
        at_s = None if correlation_context is None else _timestamp(context)
        lost = self._record(found, data, context, at_s)
        if lost is not None and self._hears_of_drops:
            self.on_error(lost)
        return context

    def _has_name(self) -> bool:
        if not self.name or len(self.name) <= 0:
            self.on_error(Exception("collection name is not provided"))
            return False
        return True

    def _record(self, found: Recorder, data: Any, context: Any, at_s: float | None) -> Exception | None:
        """Why it is lost."""
        name, correlation_id = str(self.name), context.get_id()
        try:
            text = data.to_json(orient="records")
        except Exception as error:  # whatever pandas raises of values that have no JSON
            found.refuse(name, error)
            return error
        correlation_id = "" if correlation_id is None else str(correlation_id)
        is_sent = found.record(name, correlation_id, text, type_name(data), at_s, _headers(context))
        return None if is_sent else Exception(NOT_SENT)


def _timestamp(context: Any) -> float | None:
    """Of a context that the script passes on: all its records bear the same. None for what is no time in seconds."""
    found: Any = getattr(context, "get_timestamp", lambda: None)()
    try:
        at_s = float(found)
    except (TypeError, ValueError, OverflowError):
        return None
    return at_s if 0 <= at_s < _YEAR_10000_S else None


def _headers(context: Any) -> Mapping[str, str]:
    found: Any = getattr(context, "get_headers", dict)()
    return found if isinstance(found, Mapping) else {}


def _raise(error: Exception) -> None:
    raise error
