"""`azureml.monitoring.ModelDataCollector` of Azure ML v1: the same calls, into the files of v2.

The collection is named after model and designation, as in `bestmodel-inputs`. Rows without names of their own take the
feature names that the constructor was given.
"""

from __future__ import annotations

import datetime
import json
import os
import sys
import uuid
import warnings
from typing import Any

from plimsoll.entry.collection.kinds import is_of, type_name
from plimsoll.entry.collection.recorder import Recorder, recorder

_DESIGNATIONS = ("inputs", "predictions", "labels", "signals", "general")
_NO_REQUEST = "00000000-0000-0000-0000-000000000000"
_WRONG_DATA = (
    "collect failed: input data must be list, numpy array, pandas dataframe, or spark dataframe."
    " Corresponding modules must be installed first."
)


class ModelDataCollector:
    """What the constructor takes beside names is Azure's, and only goes into the correlations."""

    AML_DC_CORRELATION_HEADER = "$aml_dc_correlation_id"
    AML_DC_SCORING_TIMESTAMP_HEADER = "$aml_dc_scoring_timestamp"
    AML_DC_BOUNDARY_HEADER = "$aml_dc_boundary"
    AML_WORKSPACE_HEADER = "$aml_workspace"
    AML_SERVICE_NAME_HEADER = "$aml_service_name"
    AML_MODEL_NAME_HEADER = "$aml_model_name"
    AML_MODEL_VERSION_HEADER = "$aml_model_version"
    AML_REQUEST_ID_HEADER = "$aml_request_id"

    def __init__(
        self,
        model_name: str,
        designation: str = "default",
        feature_names: list[str] | None = None,
        workspace: str = "default/default/default",
        webservice_name: str = "default",
        model_version: str = "default",
        collection_name: str = "default",
    ) -> None:
        self._designation = "general" if designation == "default" else designation
        self._feature_names = list(feature_names) if feature_names else None
        self.workspace = workspace.lower()
        self.model_name = model_name
        self.model_version = model_version
        named = os.environ.get("SERVICE_NAME") if webservice_name == "default" else None
        self.service_name = named or webservice_name
        parts = [model_name, self._designation]
        if self._designation in ("signals", "general") and collection_name != "default":
            parts.append(collection_name)
        self._name = "-".join(parts)
        self._usable = self._designation in _DESIGNATIONS
        if not self._usable:
            known = ", ".join(map(repr, ("default", *_DESIGNATIONS)))
            sys.stdout.write(f"Incorrect designation value. Supported values: {known}\n")
        recorder()

    def collect(self, input_data: Any, user_correlation_id: str = "") -> dict[str, Any] | None:
        """Of inputs it answers the correlations, for `add_correlations`."""
        found = recorder()
        if found is None or not self._usable:
            return None
        correlations = None
        if self._designation == "inputs":
            correlations = self._correlations(found, user_correlation_id)
            input_data = self.add_correlations(input_data, correlations)
        if not found.samples(self._name):
            return correlations
        try:
            text = self._json(input_data)
        except Exception as error:  # whatever pandas or json raise of values that have no JSON
            found.refuse(self._name, error)
            return correlations
        if text is None:
            warnings.warn(_WRONG_DATA, stacklevel=2)
            return None
        correlation_id = correlations[self.AML_DC_CORRELATION_HEADER] if correlations else found.request_id()
        found.record(self._name, correlation_id, text, type_name(input_data), None, {})
        return correlations

    def add_correlations(self, input_data: Any, correlations: dict[str, Any] | None) -> Any:
        """The data with what ties them to a request: more columns, or more values at the end of a list."""
        if correlations is None:
            return input_data
        values = [correlations[name] for name in self._headers()]
        if isinstance(input_data, list):
            return input_data + values
        if is_of(input_data, "numpy", "ndarray"):
            numpy = sys.modules["numpy"]
            rows = numpy.array([input_data]) if input_data.ndim == 1 else input_data
            more = numpy.repeat(numpy.array([values], dtype=object), rows.shape[0], axis=0)
            return numpy.append(rows, more, axis=1)
        frame = _frame(input_data)
        if frame is None:
            warnings.warn(_WRONG_DATA, stacklevel=2)
            return input_data
        return frame.assign(**dict(zip(self._headers(), values, strict=True)))

    def _headers(self) -> list[str]:
        return [
            self.AML_DC_CORRELATION_HEADER,
            self.AML_DC_SCORING_TIMESTAMP_HEADER,
            self.AML_DC_BOUNDARY_HEADER,
            self.AML_WORKSPACE_HEADER,
            self.AML_SERVICE_NAME_HEADER,
            self.AML_MODEL_NAME_HEADER,
            self.AML_MODEL_VERSION_HEADER,
            self.AML_REQUEST_ID_HEADER,
        ]

    def _correlations(self, found: Recorder, user_id: str) -> dict[str, Any]:
        own = str(uuid.uuid4())
        values = (
            f"{user_id}-{own}" if user_id else own,
            datetime.datetime.now(datetime.UTC).replace(tzinfo=None).isoformat(),
            60,
            self.workspace,
            self.service_name,
            self.model_name,
            self.model_version,
            found.request_id() or _NO_REQUEST,
        )
        return dict(zip(self._headers(), values, strict=True))

    def _json(self, data: Any) -> str | None:
        """Records, one object per row, where columns have names; None for data of another kind."""
        frame = _frame(data)
        if frame is not None:
            return str(frame.to_json(orient="records"))
        if is_of(data, "numpy", "ndarray"):
            rows = data.tolist()
            rows = rows if data.ndim > 1 else [rows]
        elif isinstance(data, list):
            rows = [data]
        else:
            return None
        return _dumped([self._named(row) for row in rows])

    def _named(self, row: list[Any]) -> Any:
        names = self._feature_names
        if names is not None and len(row) == len(names) + len(self._headers()):
            names = [*names, *self._headers()]
        return dict(zip(names, row, strict=True)) if names is not None and len(names) == len(row) else row


def _dumped(rows: list[Any]) -> str:
    """What is no number is null, as pandas has it: NaN is no JSON, and would make the line unreadable."""
    try:
        return json.dumps(rows, default=_plain, allow_nan=False)
    except ValueError:
        nulled = json.loads(json.dumps(rows, default=_plain), parse_constant=lambda _: None)
        return json.dumps(nulled)


def _plain(value: Any) -> Any:
    """A number of NumPy is a number."""
    return value.item() if is_of(value, "numpy", "number") or is_of(value, "numpy", "bool_") else str(value)


def _frame(data: Any) -> Any:
    """As pandas has it; None for what is no data frame, of pandas or of Spark."""
    if is_of(data, "pandas", "DataFrame"):
        return data
    return data.toPandas() if is_of(data, "pyspark.sql", "DataFrame") else None
