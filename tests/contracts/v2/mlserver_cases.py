"""The requests that MLServer was asked and that Plimsoll is asked: (model, method, path below /v2, body, headers)."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

DIGIT: list[float] = [
    0,
    0,
    5,
    13,
    9,
    1,
    0,
    0,
    0,
    0,
    13,
    15,
    10,
    15,
    5,
    0,
    0,
    3,
    15,
    2,
    0,
    11,
    8,
    0,
    0,
    4,
    12,
    0,
    0,
    8,
    8,
    0,
]
DIGIT += [0, 5, 8, 0, 0, 9, 8, 0, 0, 4, 11, 0, 1, 12, 7, 0, 0, 2, 14, 5, 10, 12, 0, 0, 0, 0, 6, 13, 10, 0, 0, 0]
MODELS = ("digits", "identity")


@dataclass(frozen=True)
class Case:
    """`body` is sent as JSON, text as it is. `model` is the server that is asked."""

    model: str
    path: str
    body: Any = None
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)

    def sent(self) -> bytes | None:
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


def tensor(shape: Any, datatype: Any, data: Any, name: Any = "x", **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data, **more}


def _digits(*inputs: dict[str, Any], **more: Any) -> Case:
    return Case("digits", "models/digits/infer", {"inputs": list(inputs), **more})


def _identity(*inputs: Any, **more: Any) -> Case:
    return Case("identity", "models/identity/infer", {"inputs": list(inputs), **more})


def _raw(body: Any, **headers: str) -> Case:
    return Case("identity", "models/identity/infer", body, headers=headers)


def _asked(path: str, method: str = "GET") -> Case:
    return Case("digits", path, method=method)


_ONE = tensor([1, 64], "FP32", DIGIT, "predict")
_TWO = tensor([2, 64], "FP64", [DIGIT, DIGIT[::-1]], "data")
_FINE = tensor([2, 2], "INT32", [1, 2, 3, 4])
_TEXT = json.dumps({"inputs": [_FINE]}).encode()
_OUT = [{"name": "predict"}, {"name": "predict_proba"}]

CASES: dict[str, Case] = {
    "server metadata": _asked(""),
    "live": _asked("health/live"),
    "ready": _asked("health/ready"),
    "model metadata": _asked("models/digits"),
    "model ready": _asked("models/digits/ready"),
    "metadata of an unknown model": _asked("models/nobody"),
    "ready of an unknown model": _asked("models/nobody/ready"),
    "metadata of an unknown version": _asked("models/digits/versions/7"),
    "ready of an unknown version": _asked("models/digits/versions/7/ready"),
    "post to metadata": _asked("models/digits", "POST"),
    "get of infer": _asked("models/digits/infer"),
    "put to infer": _asked("models/digits/infer", "PUT"),
    "no such route": _asked("models/digits/nothing"),
    "no such route, post": _asked("nothing", "POST"),
    "infer of an unknown model": Case("digits", "models/nobody/infer", {"inputs": [_ONE]}),
    "infer of an unknown version": Case("digits", "models/digits/versions/7/infer", {"inputs": [_ONE]}),
    "a digit": _digits(_ONE),
    "a digit with an id": _digits(_ONE, id="abc-1"),
    "two digits, nested": _digits(_TWO),
    "two digits, flat": _digits(tensor([2, 64], "FP64", DIGIT + DIGIT)),
    "probabilities": _digits(_TWO, outputs=[{"name": "predict_proba"}]),
    "both outputs": _digits(_ONE, outputs=_OUT),
    "digits as whole numbers": _digits(tensor([1, 64], "INT64", [int(value) for value in DIGIT])),
    "digits as bytes of numbers": _digits(tensor([1, 64], "UINT8", [int(value) for value in DIGIT])),
    "no outputs named": _digits(_ONE, outputs=[]),
    "an unknown output": _digits(_ONE, outputs=[{"name": "logits"}]),
    "63 features": _digits(tensor([1, 63], "FP32", DIGIT[:63])),
    "one dimension": _digits(tensor([64], "FP32", DIGIT)),
    "text for a digit": _digits(tensor([1, 64], "BYTES", ["a"] * 64)),
    "no digit": _digits(tensor([0, 64], "FP32", [])),
    "text in numbers": _digits(tensor([1, 64], "FP32", ["a", *DIGIT[1:]])),
    "numbers as text": _digits(tensor([1, 64], "FP32", [str(value) for value in DIGIT])),
    "parameters": _identity(tensor([1], "INT8", [1], parameters={"mine": 1}), parameters={"a": "b", "c": 2, "d": True}),
    "BOOL": _identity(tensor([1, 3], "BOOL", [True, False, True])),
    **{f"{name}": _identity(tensor([1, 3], name, [0, 1, 100])) for name in ("UINT8", "UINT16", "UINT32")},
    "UINT64": _identity(tensor([1, 2], "UINT64", [0, 2**64 - 1])),
    **{f"{name}": _identity(tensor([1, 3], name, [-100, 0, 100])) for name in ("INT8", "INT16", "INT32")},
    "INT64": _identity(tensor([1, 2], "INT64", [-(2**63), 2**63 - 1])),
    "FP16": _identity(tensor([1, 3], "FP16", [0.5, -1.25, 65504])),
    "FP32": _identity(tensor([1, 3], "FP32", [0.1, -1e30, 3])),
    "FP64": _identity(tensor([1, 3], "FP64", [0.1, -1e300, 3])),
    "BF16": _identity(tensor([1, 1], "BF16", [1.0])),
    "BYTES": _identity(tensor([2, 1], "BYTES", ["Schönberg", ""])),
    "BYTES of one dimension": _identity(tensor([2], "BYTES", ["a", "b"])),
    "one dimension back": _identity(tensor([3], "FP32", [1, 2, 3])),
    "three dimensions": _identity(tensor([1, 2, 2], "INT32", [[[1, 2], [3, 4]]])),
    "nothing in it": _identity(tensor([0, 3], "FP32", [])),
    "a scalar": _identity(tensor([], "FP32", [1.5])),
    "two tensors": _identity(_FINE, tensor([1, 1], "FP64", [1.5], "y")),
    "two of one name": _identity(_FINE, _FINE),
    "no tensor": _identity(),
    "null in numbers": _identity(tensor([1, 2], "FP32", [1.0, None])),
    "null in whole numbers": _identity(tensor([1, 2], "INT32", [1, None])),
    "fractions for whole numbers": _identity(tensor([1, 2], "INT32", [1.5, 2.5])),
    "too large for INT8": _identity(tensor([1, 1], "INT8", [300])),
    "negative for UINT8": _identity(tensor([1, 1], "UINT8", [-1])),
    "too large for UINT8": _identity(tensor([1, 1], "UINT8", [300])),
    "too large for INT64": _identity(tensor([1, 1], "INT64", [2**63])),
    "too large for UINT64": _identity(tensor([1, 1], "UINT64", [2**64])),
    "too large for INT8, as a float": _identity(tensor([1, 1], "INT8", [300.0])),
    "too large for INT64, as a float": _identity(tensor([1, 1], "INT64", [1e19])),
    "negative for UINT64, as a float": _identity(tensor([1, 1], "UINT64", [-1.0])),
    "too large for FP16": _identity(tensor([1, 2], "FP16", [70000.0, 1])),
    "too large for FP32": _identity(tensor([1, 2], "FP32", [1e39, 1])),
    "too large for FP32, and whole": _identity(tensor([1, 2], "FP32", [10**39, 1])),
    "too large for FP64": _raw('{"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [1e999]}]}'),
    "whole numbers as floats": _identity(tensor([1, 2], "INT16", [1.0, -2.0])),
    "numbers for BOOL": _identity(tensor([1, 2], "BOOL", [0, 1])),
    "truth for numbers": _identity(tensor([1, 2], "FP32", [True, False])),
    "too few values": _identity(tensor([2, 2], "FP32", [1, 2, 3])),
    "too many values": _identity(tensor([2, 2], "FP32", [1, 2, 3, 4, 5])),
    "ragged rows": _identity(tensor([2, 2], "FP32", [[1, 2], [3]])),
    "nested otherwise than the shape": _identity(tensor([4], "FP32", [[1, 2], [3, 4]])),
    "a negative size": _identity(tensor([-1, 2], "FP32", [1, 2])),
    "a huge shape": _identity(tensor([2**40, 2**40], "FP32", [1])),
    "an overflowing shape": _identity(tensor([2**32, 2**32], "FP32", [])),
    "a fraction in the shape": _identity(tensor([1.5], "FP32", [1])),
    "text in the shape": _identity(tensor(["a"], "FP32", [1])),
    "a number as text in the shape": _identity(tensor(["1"], "FP32", [1])),
    "a shape that is no list": _identity(tensor(3, "FP32", [1, 2, 3])),
    "an unknown datatype": _identity(tensor([1], "FLOAT", [1])),
    "a datatype in small letters": _identity(tensor([1], "fp32", [1])),
    "a datatype that is no text": _identity(tensor([1], 32, [1])),
    "a name that is no text": _identity(tensor([1], "FP32", [1], 5)),
    "data that is no list": _identity(tensor([1], "FP32", 7)),
    "an object as data": _identity(tensor([1], "FP32", {"a": 1})),
    "an id that is no text": _identity(_FINE, id=7),
    "an id of null": _identity(_FINE, id=None),
    "outputs that are no list": _identity(_FINE, outputs="x"),
    "an output without a name": _identity(_FINE, outputs=[{}]),
    "parameters that are no object": _identity(_FINE, parameters=[1]),
    "unknown keys": _identity({**_FINE, "more": 1}, extra=1),
    **{
        f"without {key}": _identity({name: value for name, value in _FINE.items() if name != key})
        for key in ("name", "shape", "datatype", "data")
    },
    "a tensor that is no object": _identity(5),
    "inputs that are no list": _raw({"inputs": {"x": 1}}),
    "without inputs": _raw({"id": "a"}),
    "a list as body": _raw([1, 2]),
    "no JSON": _raw("{not json"),
    "cut off": _raw('{"inputs": [{"name": "x"'),
    "an empty body": _raw(""),
    "no UTF-8": _raw(b'{"id": "\x80", "inputs": []}'),
    "deep nesting": _raw('{"inputs": ' + "[" * 5000 + "]" * 5000 + "}"),
    "NaN in JSON": _raw('{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [NaN]}]}'),
    "a key twice": _raw('{"id": "a", "id": "b", "inputs": []}'),
    "a body as gzip": _raw(gzip.compress(_TEXT, mtime=0), **{"content-encoding": "gzip"}),
    "a body as deflate": _raw(zlib.compress(_TEXT), **{"content-encoding": "deflate"}),
    "no gzip": _raw(_TEXT, **{"content-encoding": "gzip"}),
    "gzip that is cut off": _raw(gzip.compress(_TEXT, mtime=0)[:-9], **{"content-encoding": "gzip"}),
    "an unknown coding": _raw(_TEXT, **{"content-encoding": "br"}),
    "another content type": _raw({"inputs": [_FINE]}, **{"content-type": "text/plain"}),
}
