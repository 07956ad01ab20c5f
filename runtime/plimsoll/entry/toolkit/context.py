"""What a function that takes a `context` gets: the part of the multi-model server's that scripts use.

One per call, so that the threads of a worker do not see each other's. The index that its methods take is that of the
request in a batch of that server: always the one request here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RequestProcessor:
    """One request and what is to be said in its response, beside the body."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers
        self._status: int | None = None
        self._phrase = ""
        self._response_headers: dict[str, str] = {}

    def get_request_property(self, key: str) -> str | None:
        return self._headers.get(key)

    def get_request_properties(self) -> Mapping[str, str]:
        return self._headers

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        self._status, self._phrase = code, reason_phrase or ""

    def get_response_status_code(self) -> int:
        return 200 if self._status is None else self._status

    def get_response_status_phrase(self) -> str:
        return self._phrase

    def add_response_property(self, key: str, value: str) -> None:
        self._response_headers[key] = value

    def get_response_headers(self) -> dict[str, str]:
        return self._response_headers

    def get_response_header(self, key: str) -> str | None:
        return self._response_headers.get(key)


class Context:
    """`headers` are looked up without regard to case; empty while the model is loaded."""

    metrics = None
    manifest = None
    model_name = "model"

    def __init__(self, model_dir: str, headers: Mapping[str, str]) -> None:
        self.system_properties: dict[str, Any] = {"model_dir": model_dir, "gpu_id": None, "batch_size": 1}
        self.request_processor = [RequestProcessor(headers)]

    @property
    def request_ids(self) -> dict[int, str | None]:
        return {0: self.get_request_id()}

    def get_request_id(self, idx: int = 0) -> str | None:
        return self.get_request_header(idx, "x-request-id")

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self.request_processor[idx].get_request_property(key)

    def get_all_request_header(self, idx: int) -> Mapping[str, str]:
        return self.request_processor[idx].get_request_properties()

    def get_response_headers(self, idx: int) -> dict[str, str]:
        return self.request_processor[idx].get_response_headers()

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.request_processor[idx].add_response_property(key, value)

    def get_response_content_type(self, idx: int) -> str | None:
        return self.get_response_headers(idx).get("content-type")

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.set_response_header(idx, "content-type", value)

    def get_response_status(self, idx: int) -> tuple[int, str]:
        processor = self.request_processor[idx]
        return processor.get_response_status_code(), processor.get_response_status_phrase()

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.request_processor[idx].report_status(code, phrase)

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        self.set_response_status(code, phrase)
