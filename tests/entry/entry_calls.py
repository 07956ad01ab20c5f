"""Calls and answers in the words of the tests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

from plimsoll.entry.call import Answer, Call, Head, Headers
from plimsoll.entry.script import Script

Load = Callable[..., Script]
RunFresh = Callable[..., subprocess.CompletedProcess[str]]


def post(body: bytes | str = b"", headers: Headers | None = None) -> Call:
    raw = body.encode() if isinstance(body, str) else body
    return Call(Head("POST", "/score", headers or []), raw)


def call(method: str, target: str = "/score", headers: Headers | None = None, body: bytes = b"") -> Call:
    return Call(Head(method, target, headers or [], client="192.0.2.7:4711"), body)


def content(answer: Answer) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)


def message(answer: Answer) -> str:
    assert ("content-type", "application/json") in answer.headers
    return json.loads(content(answer))["message"]


def value(answer: Answer) -> Any:
    assert answer.status == 200, answer
    return json.loads(content(answer))


def header(answer: Answer, name: str) -> list[str]:
    return [value for key, value in answer.headers if key.lower() == name.lower()]
