"""What a script may return to choose status, headers and body itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug.wrappers import Response as WerkzeugResponse

_FAILED_HEADER = "x-ms-run-function-failed"


class Response(WerkzeugResponse):
    """Werkzeug's response; the default content type is HTML, as in Flask, whose scripts move here."""

    default_mimetype = "text/html"


class AMLResponse(Response):
    """The response of Azure ML scripts, with its habits.

    A message of None is an empty JSON object. Header values are split at commas into repeated headers.
    A header spelled exactly ``Content-Type`` replaces the default one; JSON keeps its own beside it.
    """

    def __init__(
        self,
        message: Any,
        status_code: int,
        response_headers: Mapping[str, str] | None = None,
        json_str: bool = False,
        run_function_failed: bool = False,
    ) -> None:
        given = response_headers or {}
        if message is None or json_str:
            text = json.dumps({} if message is None else message)
            super().__init__(text, status=status_code, mimetype="application/json")
        else:
            super().__init__(message, status=status_code)
            if "Content-Type" in given:
                del self.headers["Content-Type"]
        self.headers[_FAILED_HEADER] = str(run_function_failed)
        self._add(given.items())

    def _add(self, headers: Iterable[tuple[str, str]]) -> None:
        for name, values in headers:
            for value in values.split(","):
                self.headers.add(name, value.strip())
