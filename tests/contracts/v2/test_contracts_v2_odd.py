"""Requests put together at random of good and odd parts: each gets an answer of the contract, none ends a worker.

In this process, which asks a thousand times faster than HTTP; what the server makes of an answer is tested elsewhere.
"""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path
from typing import Any

import pytest

from plimsoll.contracts.v2.codec import make_codec
from plimsoll.entry.call import Call, Head
from plimsoll.entry.script import Script
from plimsoll.entry.spec import EntrySpec

_CASES = 3000
_SCRIPTS = {
    "any": "@signature()\ndef run(tensors): return tensors",
    "declared": '@signature([Tensor("x", "FP32", [-1, 2])], [Tensor("y", "FP32", [-1])])\ndef run(x): return x[:, 0]',
    "text": '@signature([Tensor("x", "BYTES", [-1])])\ndef run(x): return x',
    "plain": "def run(raw_data): return raw_data",
}
_ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    1e300,
    10**40,
    10**4000,
    2**63,
    "",
    "x",
    "\ud800",
    [],
    {},
    [[1], [2, 3]],
    [None],
]
_ODD += ["FP32", "BYTES", "INT8", "BOOL", [2**31] * 3, [1] * 70, [[[]]], {"a": 1}, [1, "a"], [1.5, None], [True]]
_KEYS = ("name", "shape", "datatype", "data", "parameters", "inputs", "outputs", "id", "binary_data_size", "x")


@pytest.mark.parametrize("kind", _SCRIPTS)
def test_odd_requests_are_answered(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script = _script(kind, tmp_path)
    draw = random.Random(7)
    statuses = {_status(script, draw) for _ in range(_CASES)}
    assert 200 in statuses
    assert statuses <= {200, 400, 422}, statuses


def _script(kind: str, folder: Path) -> Script:
    path = folder / "score.py"
    path.write_text(f"from plimsoll.entry import Tensor, signature\ndef init(): pass\n{_SCRIPTS[kind]}\n")
    script = Script.load(EntrySpec(str(path), str(folder)))
    script.init()
    script.speak({"v2": make_codec})
    return script


def _status(script: Script, draw: random.Random) -> int:
    content, chunk = _request(draw)
    for _ in range(draw.choice((0, 1, 1, 2))):
        _spoil(content, draw)
    text = json.dumps(content).encode()
    headers = [("content-type", "application/json")]
    if chunk is not None or draw.random() < 0.1:
        length = len(text) if draw.random() < 0.9 else draw.choice((0, 1, len(text) - 1, len(text) + 1))
        headers.append(("inference-header-content-length", str(length)))
    answer = script.run(Call(Head("POST", "/v2/models/model/infer", headers, contract="v2"), text + (chunk or b"")))
    assert isinstance(answer.body, bytes)
    if answer.status != 200:
        assert json.loads(answer.body)["error"]
    return answer.status


def _request(draw: random.Random) -> tuple[dict[str, Any], bytes | None]:
    tensor: dict[str, Any] = {"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [[1, 2], [3, 4]]}
    chunk = None
    if draw.random() < 0.5:
        tensor = {"name": "x", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]}
    if draw.random() < 0.5:
        chunk = struct.pack("<4f", 1, 2, 3, 4) if tensor["datatype"] == "FP32" else b"\1\0\0\0a\1\0\0\0b"
        tensor["parameters"] = {"binary_data_size": len(chunk)}
        del tensor["data"]
    return {"inputs": [tensor], "id": "1"}, chunk


def _spoil(content: dict[str, Any], draw: random.Random) -> None:
    inputs = content.get("inputs")
    places = [content, *(one for one in inputs if isinstance(one, dict))] if isinstance(inputs, list) else [content]
    draw.choice(places)[draw.choice(_KEYS)] = draw.choice(_ODD)
