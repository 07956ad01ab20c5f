"""Scripts and requests, for ours and for SageMaker's own toolkit (toolkit.py). Plain data: both import it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import numpy as np

ECHO = """
def model_fn(model_dir):
    return None
def predict_fn(data, model):
    return data
"""
WEIGHTS = """
import json
import os

import numpy as np

def model_fn(model_dir):
    with open(os.path.join(model_dir, "weights.json")) as file:
        return np.array(json.load(file))
def predict_fn(data, model):
    return np.atleast_2d(data) @ model
"""
TEXT = """
def model_fn(model_dir):
    return "!"
def input_fn(data, content_type):
    return f"{type(data).__name__} {content_type} {data.decode() if isinstance(data, bytes) else data}"
def predict_fn(data, model):
    return data + model
def output_fn(prediction, accept):
    if accept == "text/html":
        return f"<p>{prediction}</p>", "text/html"
    return prediction
"""
TRANSFORM = """
def model_fn(model_dir):
    return {"bytes": bytes([0, 255]), "list": [1, {"a": None}], "text": "né", "number": 1.5, "none": None}
def transform_fn(model, data, content_type, accept):
    return model[data], "application/x-own" if accept == "application/x-own" else accept
"""
CONTEXT = """
def model_fn(model_dir, context):
    return sorted(set(context.system_properties) - {"server_name", "server_version"})
def input_fn(data, content_type, context):
    return data
def predict_fn(data, model, context):
    given = context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", f"seen={given}")
    return {"model": model, "given": given, "target": context.get_request_header(0, "X-Amzn-SageMaker-Target-Model")}
"""
FAILING = """
from sagemaker_inference import content_types, decoder, encoder
from sagemaker_inference.errors import BaseInferenceToolkitError, GenericInferenceToolkitError, UnsupportedFormatError

class Busy(BaseInferenceToolkitError):
    def __init__(self):
        super().__init__(429, "come back later", "Busy")

def model_fn(model_dir):
    return {"kinds": 1}
def input_fn(data, content_type):
    return decoder.decode(data, content_type).tolist()
def predict_fn(data, model):
    if data == "value":
        raise ValueError("no such value")
    if data == "generic":
        raise GenericInferenceToolkitError(422, "cannot be processed")
    if data == "phrase":
        raise GenericInferenceToolkitError(418, "a message", "a phrase")
    if data == "empty":
        raise GenericInferenceToolkitError(400)
    if data == "busy":
        raise Busy()
    if data == "key":
        return model["unknown"]
    return data
def output_fn(prediction, accept):
    if accept == content_types.NPY:
        raise UnsupportedFormatError(accept)
    if prediction == "unsendable":
        return encoder.encode({1, 2}, accept)
    return encoder.encode(prediction, accept), accept
"""
NO_PREDICT = """
def model_fn(model_dir):
    return "a model without predict()"
"""
STRANGE = """
def model_fn(model_dir):
    return None
def predict_fn(data, model, context, more):
    return data
"""
SCRIPTS = {
    "echo": ECHO,
    "weights": WEIGHTS,
    "text": TEXT,
    "transform": TRANSFORM,
    "context": CONTEXT,
    "failing": FAILING,
    "no_predict": NO_PREDICT,
    "strange": STRANGE,
}
WEIGHTS_FILE = "[[1.5, -1], [0.25, 2], [3, 0]]"

JSON, CSV, NPY, NPZ = "application/json", "text/csv", "application/x-npy", "application/x-npz"


@dataclass(frozen=True)
class Case:
    script: str
    body: bytes = b"[1, 2, 3]"
    content_type: str | None = JSON
    accept: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = "/invocations"


def npy(values: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array(values))
    return buffer.getvalue()


def npz() -> bytes:
    """A sparse matrix as scipy.sparse.save_npz writes it."""
    buffer = io.BytesIO()
    parts = {"indices": [0, 2, 2], "indptr": [0, 2, 3], "shape": [2, 3], "data": [1.0, 2.0, 4.5]}
    arrays = {name: np.array(values) for name, values in parts.items()}
    np.savez(buffer, format=np.array(b"csr"), **arrays)
    return buffer.getvalue()


ATTRIBUTES = {"X-Amzn-SageMaker-Custom-Attributes": "trace=1"}
CASES: dict[str, Case] = {
    "ping": Case("echo", b"", None, method="GET", path="/ping"),
    "json list": Case("echo"),
    "json nested": Case("echo", b"[[1, 2.5], [3, 1e3]]"),
    "json ragged": Case("echo", b"[[1], [2, 3]]"),
    "json number": Case("echo", b"7"),
    "json text": Case("echo", b'"caf\xc3\xa9"'),
    "json object": Case("echo", b'{"a": [1, 2]}'),
    "json null": Case("echo", b"null"),
    "json nan": Case("echo", b"[1, NaN, Infinity]"),
    "json big integer": Case("echo", b"[9007199254740993, 123456789012345678901234567890]"),
    "json mixed": Case("echo", b'[1, "a", null]'),
    "json broken": Case("echo", b"[1, 2"),
    "json empty": Case("echo", b""),
    "json not utf-8": Case("echo", b'["\xff"]'),
    "json with a charset": Case("echo", content_type="application/json; charset=utf-8"),
    "json in capitals": Case("echo", content_type="Application/JSON"),
    "json as csv": Case("echo", b"[[1, 2.5], [3, 4]]", accept=CSV),
    "json as npy": Case("echo", b"[[1, 2.5], [3, 4]]", accept=NPY),
    "json as npz": Case("echo", accept=NPZ),
    "json as anything": Case("echo", accept="*/*"),
    "json as a list of types": Case("echo", accept="text/html, text/csv, application/json"),
    "json as a type with a weight": Case("echo", accept="text/csv;q=0.5"),
    "json as an unknown type": Case("echo", accept="image/png"),
    "json as nothing": Case("echo", accept=""),
    "json object as csv": Case("echo", b'{"a": 1}', accept=CSV),
    "csv row": Case("echo", b"1,2,3", CSV),
    "csv rows": Case("echo", b"1,2\n3,4.5\n", CSV),
    "csv with a hole": Case("echo", b"1,,3", CSV),
    "csv of text": Case("echo", b"a,b\nc,d", CSV),
    "csv uneven": Case("echo", b"1,2\n3", CSV),
    "csv empty": Case("echo", b"", CSV),
    "csv as csv": Case("echo", b"1,2\n3,4.5\n", CSV, CSV),
    "npy": Case("echo", npy([[1.5, 2], [3, 4]]), NPY),
    "npy of integers as npy": Case("echo", npy([1, 2, 3]), NPY, NPY),
    "npy of texts": Case("echo", npy(["a", "bc"]), NPY),
    "npy broken": Case("echo", npy([1.0, 2])[:-3], NPY),
    "npy that is none": Case("echo", b"garbage", NPY),
    "npy of objects": Case("echo", npy(np.array([{"a": 1}, None], dtype=object)), NPY),
    "npz": Case("echo", npz(), NPZ),
    "npz broken": Case("echo", b"PK garbage", NPZ),
    "text": Case("echo", b"hello", "text/plain"),
    "octets": Case("echo", b"hello", "application/octet-stream"),
    "unknown type": Case("echo", b"<a/>", "application/xml"),
    "no type": Case("echo", b"[1]", None),
    "another method": Case("echo", method="PUT"),
    "unknown path": Case("echo", b"", None, method="GET", path="/nothing"),
    "weights": Case("weights"),
    "weights of a csv": Case("weights", b"1,2,3\n0,0,1", CSV, CSV),
    "weights of an npy": Case("weights", npy([1.0, 2, 3]), NPY, NPY),
    "weights of the wrong shape": Case("weights", b"[1, 2]"),
    "own input of text": Case("text", b"hello", "text/plain"),
    "own input of json": Case("text", b'{"a": 1}'),
    "own input of csv": Case("text", b"1,2", CSV),
    "own input of no type": Case("text", b"hello", None),
    "own output with a type": Case("text", b"hello", "text/plain", "text/html"),
    "own output without a type": Case("text", b"hello", "text/plain", "text/plain"),
    "transform to bytes": Case("transform", b"bytes", CSV),
    "transform to text": Case("transform", b"text", CSV),
    "transform to a list": Case("transform", b"list", CSV),
    "transform to a number": Case("transform", b"number", CSV),
    "transform to nothing": Case("transform", b"none", CSV),
    "transform with a type of its own": Case("transform", b"bytes", CSV, "application/x-own"),
    "transform failing": Case("transform", b"unknown", CSV),
    "transform of bytes that are no text": Case("transform", b"text", "application/octet-stream"),
    "context": Case("context", headers=ATTRIBUTES | {"X-Amzn-SageMaker-Target-Model": "m.tar.gz"}),
    "context without headers": Case("context"),
    "failing with a value": Case("failing", b'"value"'),
    "failing with a generic error": Case("failing", b'"generic"'),
    "failing with a phrase": Case("failing", b'"phrase"'),
    "failing with an empty error": Case("failing", b'"empty"'),
    "failing with an error of its own": Case("failing", b'"busy"'),
    "failing with a key": Case("failing", b'"key"'),
    "failing to encode": Case("failing", b'"unsendable"'),
    "failing to accept": Case("failing", b'"fine"', accept=NPY),
    "failing to decode": Case("failing", b"fine", "text/plain"),
    "not failing": Case("failing", b'"fine"'),
    "no predict_fn": Case("no_predict"),
    "functions that take too much": Case("strange"),
}
