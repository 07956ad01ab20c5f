"""What the models of mlflow_models.py do, as the text of a function of (model_input, params)."""

from __future__ import annotations

COLUMNS = """
        answer = model_input[["size", "count", "name"]].copy()
        answer["total"] = model_input["size"] * model_input["count"]
        answer["when"] = model_input["when"]
        answer["has_extra"] = "extra" in model_input.columns
        answer["kind"] = [type(value).__name__ for value in model_input["name"]]
        return answer
"""

PARAMS = """
        import numpy as np
        return np.asarray(model_input["x"]) * params["factor"] + sum(params["offsets"])
"""

RAISES = """
        from mlflow.exceptions import MlflowException
        what = str(model_input.iloc[0, 0])
        if what == "mlflow":
            raise MlflowException("the model says no", error_code=1)
        if what == "object":
            return object()
        raise ValueError("a secret of the model")
"""

PLAIN = """
        import datetime, decimal
        import numpy as np, pandas as pd
        kinds = {
            "series": lambda: pd.Series([1.5, 2.5], name="score"),
            "unnamed": lambda: pd.Series([True, False]),
            "frame": lambda: pd.DataFrame({"a": [1, 2], "t": pd.to_datetime(["2024-02-03", "2024-02-04"])}),
            "numbered": lambda: pd.DataFrame([[1, 2], [3, 4]]),
            "matrix": lambda: np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
            "scalar": lambda: np.int64(7),
            "list": lambda: [np.float64(1.25), np.bool_(True), {"a": np.arange(2)}],
            "dates": lambda: [datetime.date(2024, 1, 2), datetime.datetime(2024, 1, 2, 3, 4, 5), datetime.time(1, 2)],
            "moments": lambda: np.array(["2024-01-02T03:04:05"], dtype="datetime64[s]"),
            "nanoseconds": lambda: np.array(["2024-01-02T03:04:05"], dtype="datetime64[ns]"),
            "bytes": lambda: {"b": b"some bytes", "many": np.array([b"x", b"y"])},
            "objects": lambda: {"o": np.array([1, "a", None, datetime.date(2024, 1, 2)], dtype=object)},
            "nan": lambda: np.array([1.0, float("nan"), float("inf")]),
            "none": lambda: None,
            "text": lambda: "a text",
            "nothing": lambda: pd.DataFrame(),
            "missing": lambda: pd.DataFrame({"a": [1.0, None], "s": ["x", None]}),
            "decimal": lambda: decimal.Decimal("1.5"),
            "predictions": lambda: {"predictions": [1], "more": 2},
        }
        if isinstance(model_input, dict):
            return {name: [str(value.dtype), list(value.shape)] for name, value in model_input.items()}
        if isinstance(model_input, np.ndarray):
            return [str(model_input.dtype), list(model_input.shape)]
        first = model_input.iloc[0, 0] if model_input.size else None
        if first in kinds:
            return kinds[first]()
        return {"columns": list(model_input.columns), "types": [str(one) for one in model_input.dtypes],
                "index": [str(one) for one in model_input.index], "shape": list(model_input.shape)}
"""
