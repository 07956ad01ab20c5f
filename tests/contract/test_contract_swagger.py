"""The API description of scripts under inference-schema's decorators, made of their samples."""

from __future__ import annotations

from contract_scripts import RunScript

SAMPLES = """
import numpy as np
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
def init(): pass
@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
@input_schema("name", StandardPythonParameterType("Tom"))
@output_schema(StandardPythonParameterType({"classes": [1]}))
def run(data, name, threshold=0.5): return data
"""
MIXED = """
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
def init(): pass
@input_schema("data", StandardPythonParameterType([1, "two"]))
def run(data): return data
"""
INPUT = {
    "type": "object",
    "properties": {
        "data": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "number", "format": "double"}},
            "format": "numpy.ndarray",
        },
        "name": {"type": "string"},
        "threshold": {},
    },
    "example": {"data": [[1.0, 2.0]], "name": "Tom", "threshold": ""},
}
OUTPUT = {
    "type": "object",
    "required": ["classes"],
    "properties": {"classes": {"type": "array", "items": {"type": "integer", "format": "int64"}}},
    "example": {"classes": [1]},
}


def test_the_samples_describe_input_and_output_in_every_version(with_packages: RunScript) -> None:
    swaggers = with_packages(SAMPLES).swaggers
    assert list(swaggers) == ["2", "3", "3.1"]
    for schemas in (
        swaggers["2"]["definitions"],
        swaggers["3"]["components"]["schemas"],
        swaggers["3.1"]["components"]["schemas"],
    ):
        assert schemas["ServiceInput"] == INPUT
        assert schemas["ServiceOutput"] == OUTPUT


def test_a_list_of_mixed_types_has_no_swagger_2(with_packages: RunScript) -> None:
    swaggers = with_packages(MIXED).swaggers
    assert list(swaggers) == ["3", "3.1"]
    assert swaggers["3.1"]["components"]["schemas"]["ServiceOutput"] == {"type": "object"}
