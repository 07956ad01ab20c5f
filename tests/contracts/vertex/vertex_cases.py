"""Requests, for ours and for Google's own server of custom prediction routines (routines.py).

Plain data: both import it. PREDICTOR and SCRIPT do the same, each in the words of its server.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PREDICTOR = """
import json
import os

from fastapi import HTTPException
from google.cloud.aiplatform.prediction.predictor import Predictor


class OwnPredictor(Predictor):
    def load(self, artifacts_uri):
        with open(os.path.join(artifacts_uri, "weights.json")) as file:
            self.weights = json.load(file)

    def preprocess(self, prediction_input):
        return prediction_input["instances"], prediction_input.get("parameters")

    def predict(self, given):
        instances, parameters = given
        if instances == "fail":
            raise ValueError("told to fail")
        if instances == "set":
            return {1}
        if instances == "whole":
            return {"predictions": [1], "deployedModelId": "7"}
        if instances == "other":
            return {"predictions": {"a": 1}}
        if instances == "none":
            return None
        if instances == "parameters":
            return parameters
        if instances == "nan":
            return [float("nan")]
        scale = (parameters or {}).get("scale", 1)
        return [scale * sum(w * x for w, x in zip(self.weights, row)) for row in instances]

    def postprocess(self, results):
        return results if isinstance(results, dict) and "predictions" in results else {"predictions": results}
"""
SCRIPT = """
import json
import os

def init():
    global weights
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "weights.json")) as file:
        weights = json.load(file)

def run(instances, parameters=None):
    if instances == "fail":
        raise ValueError("told to fail")
    if instances == "set":
        return {1}
    if instances == "whole":
        return {"predictions": [1], "deployedModelId": "7"}
    if instances == "other":
        return {"predictions": {"a": 1}}
    if instances == "none":
        return {"predictions": None}
    if instances == "parameters":
        return {"predictions": parameters}
    if instances == "nan":
        return [float("nan")]
    scale = (parameters or {}).get("scale", 1)
    return [scale * sum(w * x for w, x in zip(weights, row)) for row in instances]
"""
WEIGHTS_FILE = "[1.5, -2, 0.25]"
JSON = "application/json"
HEALTH, PREDICT = "/v1/endpoints/1/deployedModels/2", "/v1/endpoints/1/deployedModels/2:predict"


@dataclass(frozen=True)
class Case:
    body: bytes = b'{"instances": [[1, 2, 3], [4, 5, 6]]}'
    content_type: str | None = JSON
    accept: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = PREDICT


def told(word: str) -> Case:
    return Case(b'{"instances": "%s"}' % word.encode())


CASES: dict[str, Case] = {
    "health": Case(b"", None, method="GET", path=HEALTH),
    "instances": Case(),
    "parameters": Case(b'{"instances": [[1, 2, 3]], "parameters": {"scale": 10}}'),
    "parameters as they came": Case(b'{"instances": "parameters", "parameters": {"a": [1, null]}}'),
    "no parameters": told("parameters"),
    "parameters that are null": Case(b'{"instances": [[1, 2, 3]], "parameters": null}'),
    "parameters that are a list": Case(b'{"instances": "parameters", "parameters": [1]}'),
    "a key of another kind": Case(b'{"instances": [[1, 2, 3]], "signature_name": "x"}'),
    "no instance": Case(b'{"instances": []}'),
    "instances of text": Case(b'{"instances": "other"}'),
    "the whole answer": told("whole"),
    "no prediction": told("none"),
    "not a number": told("nan"),
    "what is no JSON": told("set"),
    "failing": told("fail"),
    "instances of the wrong kind": Case(b'{"instances": 7}'),
    "no instances": Case(b'{"data": [1]}'),
    "a list": Case(b"[1, 2]"),
    "broken": Case(b'{"instances": [1'),
    "empty": Case(b""),
    "not utf-8": Case(b'{"instances": "\xff"}'),
    "with a charset": Case(content_type="application/json; charset=utf-8"),
    "in capitals": Case(content_type="Application/JSON"),
    "a text": Case(content_type="text/plain"),
    "no type": Case(content_type=None),
    "accepts JSON": Case(accept="application/json"),
    "accepts anything": Case(accept="*/*"),
    "accepts several": Case(accept="text/html, application/json;q=0.9"),
    "accepts text": Case(accept="text/html"),
    "accepts nothing": Case(accept=""),
    "another method": Case(method="GET", body=b"", content_type=None),
    "another method of the health route": Case(path=HEALTH),
    "unknown path": Case(path="/predict"),
}
