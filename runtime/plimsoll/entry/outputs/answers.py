"""Answers that Plimsoll itself gives in place of the script's."""

from __future__ import annotations

import json

from plimsoll.entry.call import Answer

SCRIPT_FAILED = "An unexpected error occurred in scoring script. Check the logs for more info."
RESULT_UNUSABLE = "An unexpected internal error occurred. Check the logs for more info."
JSON_TYPE = ("content-type", "application/json")
_HTML_TYPE = ("content-type", "text/html; charset=utf-8")


def message_answer(status: int, message: str, *, run_function_failed: bool = False) -> Answer:
    body = json.dumps({"message": message}).encode()
    return Answer(status, [JSON_TYPE], body, run_function_failed, is_error=True)


def said_in(answer: Answer) -> str:
    """The message of one of our own, for contracts with a form of theirs."""
    assert isinstance(answer.body, bytes)
    return str(json.loads(answer.body)["message"])


def empty_answer() -> Answer:
    return Answer(200, [_HTML_TYPE], b"")
