"""From what run() returned to the answer: responses and bytes as they are, streams, everything else as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from plimsoll.entry.call import Answer, Head
from plimsoll.entry.failures import log_line, one_line
from plimsoll.entry.outputs.answers import JSON_TYPE, RESULT_UNUSABLE, SCRIPT_FAILED, message_answer
from plimsoll.entry.outputs.awaiting import resolved
from plimsoll.entry.outputs.streams import Stream, streamed
from plimsoll.errors import ScriptFailed

CERTAINLY_JSON = frozenset({str, dict, list, tuple, int, float, bool, type(None)})
"""Types of results that need no second look."""
_BYTES_TYPE = ("content-type", "application/octet-stream")
_STREAM_TYPE = ("content-type", "text/plain; charset=utf-8")


def settled(result: Any) -> Any:
    """Awaits what can be awaited and begins a stream: the part of making a result in which user code runs."""
    return streamed(resolved(result))


def is_answer(result: Any) -> bool:
    """Whether a contract has nothing to add: a response of the script's own, or a stream."""
    return isinstance(result, Stream) or _is_response(result)


def json_of(result: Any) -> str:
    """The text that Azure ML's clients get. Raises TypeError or ValueError."""
    return _ENCODER.encode(result)


def answer_of(result: Any, head: Head, run_s: float) -> Answer:
    """Never raises: what cannot be sent is logged and answered with 500."""
    try:
        if type(result) not in CERTAINLY_JSON and (answer := _as_it_is(result, head, run_s)) is not None:
            return answer
        body = b"{}" if result is None else _ENCODER.encode(result).encode()
    except ScriptFailed:  # a stream that failed before its first chunk, and has logged why
        return message_answer(500, SCRIPT_FAILED, run_function_failed=True)
    except BaseException as failure:
        log_line(f"The result of run() cannot be sent: {one_line(failure)}")
        return message_answer(500, RESULT_UNUSABLE)
    return Answer(200, [JSON_TYPE], body, False, run_s)


def _as_it_is(result: Any, head: Head, run_s: float) -> Answer | None:
    if isinstance(result, Stream):
        return _stream_answer(result, head, run_s)
    if isinstance(result, (bytes, bytearray, memoryview)):
        return Answer(200, [_BYTES_TYPE], bytes(result), False, run_s)
    if _is_response(result):
        from plimsoll.entry.outputs.sent import answer_of_response  # Werkzeug is loaded by now

        return answer_of_response(result, head, run_s)
    return None


def _stream_answer(stream: Stream, head: Head, run_s: float) -> Answer:
    if head.method != "HEAD":
        return Answer(200, [_STREAM_TYPE], stream, False, run_s)
    stream.close()
    return Answer(200, [_STREAM_TYPE], b"", False, run_s)


def _is_response(result: Any) -> bool:
    # A result can only be a Werkzeug response (Flask's are) if somebody has imported Werkzeug.
    return isinstance(result, getattr(sys.modules.get("werkzeug.wrappers"), "Response", ()))


def _from_numpy(value: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)) and value.dtype.kind not in "mM":
        plain = value.tolist()
        if type(plain) is not type(value):  # longdouble has no Python form
            return plain
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_ENCODER = json.JSONEncoder(default=_from_numpy)
