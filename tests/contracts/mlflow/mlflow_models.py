"""The models that Plimsoll and `mlflow models serve` are asked about: saves each into a folder of its own.

In an environment that has mlflow, pandas and scikit-learn: `python tests/contracts/mlflow/mlflow_models.py FOLDER`.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow_scripts import COLUMNS, PARAMS, PLAIN, RAISES
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

PYFUNC = """
import mlflow
from mlflow.models import set_model

class {name}(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
{body}

set_model({name}())
"""


def _pyfunc(folder: Path, name: str, body: str, signature: ModelSignature | None) -> None:
    script = folder / f"{name}.py"
    script.write_text(PYFUNC.format(name=name.title(), body=body))
    mlflow.pyfunc.save_model(folder / name, python_model=str(script), signature=signature, pip_requirements=[])


def _digits(folder: Path) -> None:
    data, target = load_digits(return_X_y=True)
    model: Any = LogisticRegression(max_iter=200).fit(data / 16, target)
    signature = ModelSignature(Schema([TensorSpec(np.dtype(float), (-1, 64))]))
    mlflow.sklearn.save_model(
        model, folder / "digits", signature=signature, pip_requirements=[], serialization_format="cloudpickle"
    )


def save(folder: Path) -> None:
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    _digits(folder)
    columns = [
        ColSpec("double", "size"),
        ColSpec("long", "count"),
        ColSpec("string", "name"),
        ColSpec("datetime", "when"),
        ColSpec("boolean", "extra", required=False),
    ]
    _pyfunc(folder, "columns", COLUMNS, ModelSignature(Schema(columns)))
    params = [ParamSpec("factor", "double", 2.0), ParamSpec("offsets", "long", [1, 2], shape=(-1,))]
    signature = ModelSignature(Schema([ColSpec("double", "x")]), params=ParamSchema(params))
    _pyfunc(folder, "params", PARAMS, signature)
    _pyfunc(folder, "raises", RAISES, None)
    _pyfunc(folder, "plain", PLAIN, None)


if __name__ == "__main__":
    save(Path(sys.argv[1]))
