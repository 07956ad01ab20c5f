"""Correlation contexts: what ties the records of one request together, with the names of azureml-ai-monitoring."""

from __future__ import annotations

import time
import uuid

from plimsoll.entry.collection.recorder import recorder


class CorrelationContext:
    """The base class, for a context of the script's own."""

    @staticmethod
    def get_id() -> str:
        return ""

    def __str__(self) -> str:
        return self.get_id()

    def __repr__(self) -> str:
        return self.__str__()


class BasicCorrelationContext(CorrelationContext):
    """An id, a time in seconds since 1970, and more attributes for the record."""

    def __init__(
        self, id: str | None = None, timestamp: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.id = id if id else str(uuid.uuid4())
        self.timestamp = timestamp if timestamp else int(time.time())
        self.headers = headers if headers else {}

    def get_id(self) -> str:  # type: ignore[override]  # static in the base class, as in Azure ML's
        return self.id

    def get_timestamp(self) -> int:
        return self.timestamp

    def get_headers(self) -> dict[str, str]:
        return self.headers


class WrapperContext(CorrelationContext):
    """What became of a record, for who debugs."""

    def __init__(self, correlation_context: BasicCorrelationContext, success: bool, message: str) -> None:
        self._context = correlation_context
        self._success = success
        self._message = message

    def get_id(self) -> str:  # type: ignore[override]  # static in the base class, as in Azure ML's
        return self._context.get_id()

    def get_timestamp(self) -> int:
        return self._context.get_timestamp()

    def get_headers(self) -> dict[str, str]:
        return self._context.get_headers()

    def is_success(self) -> bool:
        return self._success

    def get_message(self) -> str:
        return self._message


def get_context() -> BasicCorrelationContext:
    """With the id of the request that runs, so that its records are found beside those of the front."""
    found = recorder()
    return BasicCorrelationContext(found.request_id() if found is not None else None)


def get_context_wrapper(context: BasicCorrelationContext, success: bool, message: str) -> WrapperContext:
    return WrapperContext(context, success, message)
