"""The model as MLflow's pyfunc, saved as code."""

from __future__ import annotations

from typing import Any

import mlflow

from benchmarks.served import work


class Model(mlflow.pyfunc.PythonModel):
    def load_context(self, context: Any) -> None:
        self._model = work.load_from_env()

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return self._model(model_input) if work.takes_rows() else [self._model(str(model_input[0]))]


mlflow.models.set_model(Model())
