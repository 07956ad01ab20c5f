"""The entry script that azureml-inference-server-http serves."""

from __future__ import annotations

from typing import Any

from azureml_inference_server_http.api.aml_response import AMLResponse

from benchmarks.served import work

model: work.Model


def init() -> None:
    global model
    model = work.load_from_text()


def run(data: str) -> Any:
    value = model(data)
    return AMLResponse(value, 200) if work.workload_name() in {"answer-1m", "stream"} else value
