"""From what run() returned to the answer: a response object as it is, everything else as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from plimsoll.entry.answers import JSON_TYPE, RESULT_UNUSABLE, message_answer
from plimsoll.entry.call import Answer, Head
from plimsoll.entry.failures import log_line, one_line

_CERTAINLY_JSON = frozenset({str, dict, list, tuple, int, float, bool, type(None)})


def answer_of(result: Any, head: Head, run_s: float) -> Answer:
    """Never raises: what cannot be sent is logged and answered with 500."""
    try:
        if type(result) not in _CERTAINLY_JSON and _is_response(result):
            from plimsoll.entry.sent import answer_of_response  # Werkzeug is loaded by now

            return answer_of_response(result, head, run_s)
        body = b"{}" if result is None else _ENCODER.encode(result).encode()
    except BaseException as failure:
        log_line(f"The result of run() cannot be sent: {one_line(failure)}")
        return message_answer(500, RESULT_UNUSABLE)
    return Answer(200, [JSON_TYPE], body, False, run_s)


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
