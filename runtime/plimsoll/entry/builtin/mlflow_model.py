"""Serves the MLflow model in AZUREML_MODEL_DIR, a folder with a file `MLmodel`: its signature, its flavor, its code.

mlflow itself reads the request, enforces the signature and writes the answer, with the code of `mlflow models serve`.
What that does not take is Azure ML's form, ``{"input_data": ...}``: it is answered as there, by the bare predictions.
"""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from plimsoll.backends.files import single
from plimsoll.entry import Request, rawhttp
from plimsoll.entry.builtin.exchange import model_dir
from plimsoll.entry.builtin.mlflow_input import AZURES, arrays_in, as_mlflows
from plimsoll.entry.failures import log_failure, log_line
from plimsoll.entry.http.response import Response
from plimsoll.entry.tensors.lists import Lists
from plimsoll.entry.tensors.tables import CSV, SPARSE, is_sparse
from plimsoll.errors import EntryError

model: Any
schema: Any
server: Any
"""The module mlflow.pyfunc.scoring_server."""

_FILE = "MLmodel"
_LOPSIDED = "One text is many times as long as the others: an array gives each of them its room. Send fewer at a time."
_BARE = ('{"predictions": ', "}")
_ENVIRONMENT = {"_MLFLOW_IS_IN_SERVING_ENVIRONMENT": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}


def init() -> None:
    global model, schema, server
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    folder = folder_of(Path(model_dir()))
    server = scoring_server()
    model = server.load_model_with_mlflow_config(str(folder))
    schema = model.metadata.get_input_schema()


@rawhttp
def run(request: Request) -> Response:
    if request.method == "OPTIONS":
        return Response("", headers={"Allow": "GET, POST, OPTIONS"})
    if request.method != "POST":
        return as_json(described())
    watched = Watched(model)
    try:
        return answer(request, watched)
    except server.MlflowException as refusal:
        return refused(refusal, failed=watched.failed)


def answer(request: Request, watched: Watched) -> Response:
    kind = request.headers.get("Content-Type", "")
    body = request.get_data()
    media_type = kind.partition(";")[0].strip()
    data, form = decoded(body) if media_type == server.CONTENT_TYPE_JSON else (body, "")
    tables = data if isinstance(data, dict) else {CSV: body.decode("latin-1")} if media_type == CSV else {}
    if any(is_sparse(name, value) for name, value in tables.items()):
        raise server.MlflowInvalidInputException(SPARSE)
    if isinstance(data, dict) and not all(map(Lists().fits, arrays_in(data))):
        raise server.MlflowInvalidInputException(_LOPSIDED)
    found = server.invocations(data, kind, watched, schema)
    text = found.response
    if form == AZURES and found.status == 200:
        text = text.removeprefix(_BARE[0]).removesuffix(_BARE[1])
    return Response(text, found.status, mimetype=found.mimetype)


def decoded(body: bytes) -> tuple[Any, str]:
    """An object, decoded once where mlflow would do it twice, and Azure ML's key if it has it; else the bytes."""
    try:
        value = json.loads(body)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return body, ""  # mlflow says what is wrong with it
    except (RecursionError, ValueError) as failure:
        raise server.MlflowInvalidInputException(f"The JSON cannot be decoded: {failure}") from None
    return as_mlflows(value) if isinstance(value, dict) else (body, "")


def refused(refusal: Any, *, failed: bool) -> Response:
    """In mlflow's words, without the traceback that it adds."""
    content = json.loads(refusal.serialize_as_json())
    content.pop("stack_trace", None)
    headers = {"x-ms-run-function-failed": str(failed)}
    return Response(json.dumps(content), refusal.get_http_status_code(), headers, "application/json")


def described() -> dict[str, Any]:
    """The signature: inputs, outputs and params, as far as the model has them."""
    signature = model.metadata.signature
    parts = {} if signature is None else signature.to_dict()
    return {name: json.loads(text) for name, text in parts.items() if text}


def as_json(content: Any) -> Response:
    return Response(json.dumps(content), mimetype="application/json")


class Watched:
    """The model in one call: logs what its own code raises, which mlflow takes for bad input."""

    def __init__(self, watched: Any) -> None:
        self.metadata = watched.metadata
        self.failed = False

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        try:
            return model.predict(data, params=params)
        except server.MlflowException as refusal:
            self.failed = refusal.get_http_status_code() >= 500
            if self.failed:
                log_line(f"the model refused its input: {type(refusal).__name__}")
            raise
        except Exception as failure:
            self.failed = True
            log_failure("the model failed:", failure)
            raise


def folder_of(place: Path) -> Path:
    """`place` itself, or the one folder below it: models may hold models. mlflow follows no links."""
    found = [place / _FILE] if (place / _FILE).is_file() else sorted(place.glob(f"*/{_FILE}"))
    return (found[0] if len(found) == 1 else single(place, _FILE)).parent.resolve()


def scoring_server() -> Any:
    try:
        found = import_module("mlflow.pyfunc.scoring_server")
    except ModuleNotFoundError as missing:
        what = missing.name if missing.name and not missing.name.startswith("mlflow") else "mlflow"
        raise EntryError(f"{what} is not installed", remedy="pip install 'plimsoll-runtime[mlflow]'") from None
    if not all(hasattr(found, name) for name in ("invocations", "load_model_with_mlflow_config")):
        raise EntryError("mlflow is too old for builtin:mlflow", remedy="pip install 'plimsoll-runtime[mlflow]'")
    return found
