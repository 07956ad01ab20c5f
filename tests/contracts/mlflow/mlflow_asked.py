"""Asks a server what a case asks, and holds answers against the record of mlflow's."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import re
from pathlib import Path
from typing import Any

from mlflow_cases import Case

KEPT_HEADERS = ("content-type", "allow")
PATIENCE_S = 300
RECORD = Path(__file__).with_name("mlflow_reference.json")


def ask(port: int, case: Case) -> dict[str, Any]:
    """The body as JSON where it is some, else as text; the traceback of mlflow's errors left out."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request(case.method, case.path, case.body, case.all_headers())
        response = connection.getresponse()
        text = response.read().decode()
        headers = {name.lower(): value for name, value in response.getheaders() if name.lower() in KEPT_HEADERS}
    answer: dict[str, Any] = {"status": response.status, "headers": headers}
    try:
        answer["json"] = json.loads(text)
    except ValueError:
        answer["text"] = text
    if isinstance(answer.get("json"), dict) and answer["json"].pop("stack_trace", None) is not None:
        answer["traceback"] = True
    return answer


def recorded() -> dict[str, Any]:
    return json.loads(RECORD.read_text())  # type: ignore[no-any-return]


def written(versions: dict[str, str], cases: dict[str, Any]) -> str:
    """One case per line."""
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(answer)}" for name, answer in cases.items())
    return f'{{"versions": {json.dumps(versions)},\n "cases": {{\n{lines}\n}}}}\n'


def differs(ours: dict[str, Any], theirs: dict[str, Any], *, words: bool = True) -> str:
    """What is different, or nothing. `words`: messages count too, by their words, which sets print in any order."""
    for what in ("status", "headers"):
        if ours[what] != theirs[what]:
            return f"{what}: {ours[what]} instead of {theirs[what]}"
    if ("json" in ours) != ("json" in theirs):
        return f"one is no JSON: {ours}"
    found, wanted = (_shown(answer, words=words) for answer in (ours, theirs))
    return "" if _equal(found, wanted) else f"{found} instead of {wanted}"


def _shown(answer: dict[str, Any], *, words: bool) -> Any:
    value = answer.get("json", answer.get("text"))
    if answer["status"] < 400:
        return value
    message = value["message"] if isinstance(value, dict) and "message" in value else ""
    if isinstance(value, dict):
        kept = {"error_code", "detail"} | ({"sqlstate", "error_class"} if words else set())
        return {key: text for key, text in value.items() if key in kept} | {"words": _words(message) if words else []}
    return value if words else None


def _words(text: str) -> list[str]:
    return sorted(re.findall(r"\w+", text))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(other):
        return math.isnan(one)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)
