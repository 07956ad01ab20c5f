"""What run() returned as ``{"predictions": ...}``: arrays, tables, dates and bytes as mlflow writes them.

Imports neither NumPy nor pandas: a result can only be of theirs if the script has imported them.
"""

from __future__ import annotations

import base64
import datetime
import json
import sys
from typing import Any

_DATES = (datetime.date, datetime.time)
_PREDICTIONS = "predictions"


def predictions_of(result: Any) -> bytes:
    """A dictionary that says `predictions` goes as it is. Raises TypeError or ValueError for what has no form."""
    said = isinstance(result, dict) and _PREDICTIONS in result
    return json.dumps(result if said else {_PREDICTIONS: _records(result)}, default=_plain).encode()


def _records(result: Any) -> Any:
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(result, pandas.Series):
        result = result.to_frame()
    if pandas is not None and isinstance(result, pandas.DataFrame):
        return result.to_dict(orient="records")
    return result


def _plain(value: Any) -> Any:
    numpy, pydantic = sys.modules.get("numpy"), sys.modules.get("pydantic")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        plain = value.tolist()
        if type(plain) is not type(value):  # longdouble has no Python form
            return plain
    if isinstance(value, (bytes, bytearray)):
        return base64.encodebytes(value).decode("ascii")
    if isinstance(value, _DATES):
        return value.isoformat()
    if pydantic is not None and isinstance(value, pydantic.BaseModel):
        return value.model_dump()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
