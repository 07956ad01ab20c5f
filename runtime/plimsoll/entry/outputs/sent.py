"""A Werkzeug response object as an answer, checked so that the front can send it without a further look."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from types import AsyncGeneratorType
from typing import Any

from werkzeug.datastructures import Headers as WerkzeugHeaders
from werkzeug.wrappers import Response

from plimsoll.entry.call import Answer, Call, Head, Headers
from plimsoll.entry.failures import log_failure
from plimsoll.entry.http.environ import environ_of
from plimsoll.entry.outputs.answers import SCRIPT_FAILED
from plimsoll.entry.outputs.awaiting import iterated
from plimsoll.entry.outputs.streams import Begun
from plimsoll.errors import ScriptFailed

_FAILED_HEADER = "x-ms-run-function-failed"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FORBIDDEN_IN_VALUE = re.compile(r"[\r\n\0]")
# The connection belongs to the server, not to the script.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    }
)


def answer_of_response(response: Response, head: Head, run_s: float) -> Answer:
    status = response.status_code
    if not 200 <= status <= 599:
        raise ValueError(f"a response of run() has the status {response.status!r}")
    if isinstance(response.response, AsyncGeneratorType):
        response.response = iterated(response.response)
    environ = _environ(response, head)
    headers = response.get_wsgi_headers(environ)
    failed = _failed(headers, status)
    if _has_stream(response, head):
        return Answer(status, _checked(headers), Begun(_stream(response)), failed, run_s)
    body = b"".join(response.get_app_iter(environ))
    response.close()
    if head.method != "HEAD":
        # The front writes the true one.
        headers.remove("Content-Length")
    return Answer(status, _checked(headers), body, failed, run_s)


def _environ(response: Response, head: Head) -> dict[str, Any]:
    # Werkzeug looks at the rest only to complete a relative Location, and a full environ costs 8 us.
    return environ_of(Call(head, b"")) if response.autocorrect_location_header else {"REQUEST_METHOD": head.method}


def _failed(headers: WerkzeugHeaders, status: int) -> bool | None:
    said = headers.get(_FAILED_HEADER)
    headers.remove(_FAILED_HEADER)
    if status >= 500:
        return True
    return None if said is None else said == "True"


def _checked(headers: WerkzeugHeaders) -> Headers:
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or _FORBIDDEN_IN_VALUE.search(value):
            raise ValueError(f"a response of run() has a header that HTTP does not allow: {name!r}")
        value.encode("latin-1")
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]


def _has_stream(response: Response, head: Head) -> bool:
    if response.is_sequence or head.method == "HEAD" or response.status_code in (204, 304):
        return False
    if not isinstance(response.response, Iterable):
        # Found now, while there still can be another status.
        raise TypeError(f"a response of run() holds {type(response.response).__name__}, not bytes or str")
    return True


def _stream(response: Response) -> Generator[bytes, None, None]:
    try:
        for chunk in response.iter_encoded():
            if not isinstance(chunk, (bytes, bytearray, memoryview)):
                raise TypeError(f"a response of run() streams {type(chunk).__name__}, not bytes or str")
            yield bytes(chunk)
    except GeneratorExit:
        raise
    except BaseException as failure:
        log_failure("The stream of a response of run() failed:", failure)
        raise ScriptFailed(SCRIPT_FAILED) from None
    finally:
        _close(response)


def _close(response: Response) -> None:
    """The answer is on its way: what the script's own clean-up raises can only be logged."""
    try:
        response.close()
    except BaseException as failure:
        log_failure("A response of run() could not be closed:", failure)
