"""The kinds of scripts that tensors are for: which ones they take, and how run() gets them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from plimsoll.contracts.v2 import named, schema
from plimsoll.contracts.v2.answers import array_of
from plimsoll.contracts.v2.request import InferRequest, SentTensor
from plimsoll.entry import builtin
from plimsoll.entry.codec import LoadedScript
from plimsoll.entry.inputs.arguments import Arguments
from plimsoll.entry.inputs.signature import REQUIRED
from plimsoll.entry.tensors.arrays import BadTensor, check_datatype, check_shape
from plimsoll.entry.tensors.declared import Declared, Tensor, declared
from plimsoll.entry.tensors.model import Model, Tensors
from plimsoll.entry.tensors.reader import Parameters

Arrays = dict[str, Any]


class Kind(Protocol):
    """`platform`, `inputs` and `outputs` are what the model's metadata says."""

    @property
    def platform(self) -> str: ...

    @property
    def inputs(self) -> Sequence[Tensor]: ...

    @property
    def outputs(self) -> Sequence[Tensor]: ...

    def check(self, sent: SentTensor) -> None:
        """Before it is decoded. Raises BadTensor."""

    def arguments(self, arrays: Arrays, request: InferRequest) -> Arguments:
        """Raises BadTensor."""

    def named(self, result: Any) -> Mapping[str, Any]:
        """Arrays by the names of outputs. Raises ValueError or TypeError for what cannot be arrays."""


class BuiltinKind:
    """A built-in script, which knows its model."""

    def __init__(self, model: Model, parameter: str) -> None:
        self.platform = model.platform
        self.inputs = model.inputs
        self.outputs = model.outputs
        self._model = model
        self._parameter = parameter

    def check(self, sent: SentTensor) -> None:
        wanted = self.inputs[0] if self._model.loose else _wanted(self.inputs, sent.name)
        if not self._model.loose or "BYTES" in (sent.datatype, wanted.datatype):
            check_datatype(wanted, sent.name, sent.datatype)
        if wanted.shape:  # else the model does not say it
            check_shape(wanted, sent.name, sent.shape)

    def arguments(self, arrays: Arrays, request: InferRequest) -> Arguments:
        if self._model.loose and len(arrays) == 1:
            arrays = {self.inputs[0].name: next(iter(arrays.values()))}
        _must_have([one.name for one in self.inputs], arrays)
        names = [one.name for one in self.outputs]
        if unknown := [name for name in request.outputs if name not in names]:
            raise BadTensor(f"There is no output {unknown[0]!r}: the model has {', '.join(map(repr, names))}.")
        return {self._parameter: Tensors(arrays, list(request.outputs) or list(self._model.default))}

    def named(self, result: Any) -> Mapping[str, Any]:
        names = {one.name for one in self.outputs}
        return {name: array_of(value) for name, value in result.items() if name in names}


class DeclaredKind:
    """A script with @signature."""

    platform = "python"

    def __init__(self, found: Declared, script: LoadedScript) -> None:
        self.inputs = found.inputs
        self.outputs = found.outputs
        self._declared = found
        self._headers = script.signature.takes_headers
        self._parameters = Parameters(found, script.signature, script.spec.entry_script)

    def check(self, sent: SentTensor) -> None:
        if self.inputs:
            wanted = _wanted(self.inputs, sent.name)
            check_datatype(wanted, sent.name, sent.datatype)
            check_shape(wanted, sent.name, sent.shape)

    def arguments(self, arrays: Arrays, request: InferRequest) -> Arguments:
        if (missing := self._parameters.missing(self._declared, arrays)) is not None:
            raise BadTensor(_missing(missing))
        return self._parameters.of(arrays)

    def named(self, result: Any) -> Mapping[str, Any]:
        return named.of_declared(result, self.outputs)


class SchemaKind:
    """A script under inference-schema's decorators, which make of lists what run() takes."""

    platform = "python"

    def __init__(self, script: LoadedScript) -> None:
        registry = sys.modules["inference_schema.schema_util"]
        self._parameters = {one.tensor.name: one for one in schema.inputs(registry.get_input_schema(script.users_run))}
        self.inputs = [one.tensor for one in self._parameters.values()]
        self.outputs = schema.outputs(registry.get_output_schema(script.users_run))
        self._signature = script.signature

    def check(self, sent: SentTensor) -> None:
        if sent.name not in self._signature.defaults:
            raise BadTensor(_unknown(sent.name, list(self._signature.defaults)))

    def arguments(self, arrays: Arrays, request: InferRequest) -> Arguments:
        defaults = self._signature.defaults
        _must_have([name for name, default in defaults.items() if default is REQUIRED], arrays)
        return {name: self._value(name, arrays) if name in arrays else one for name, one in defaults.items()}

    def named(self, result: Any) -> Mapping[str, Any]:
        return named.of_anything(result)

    def _value(self, name: str, arrays: Arrays) -> Any:
        values = listed(arrays[name])
        return self._parameters[name].value_of(values) if name in self._parameters else values


class PlainKind:
    """A script that knows nothing of tensors: run() gets the request as the text of a JSON body."""

    platform = "python"
    inputs: Sequence[Tensor] = ()
    outputs: Sequence[Tensor] = ()

    def __init__(self, script: LoadedScript) -> None:
        self._data = script.signature.data

    def check(self, sent: SentTensor) -> None:
        """Any tensor."""

    def arguments(self, arrays: Arrays, request: InferRequest) -> Arguments:
        inputs = [
            {"name": one.name, "shape": one.shape, "datatype": one.datatype, "data": listed(arrays[one.name].ravel())}
            for one in request.inputs
        ]
        content = {"inputs": inputs} if request.id is None else {"id": request.id, "inputs": inputs}
        return {self._data: json.dumps(content)}

    def named(self, result: Any) -> Mapping[str, Any]:
        return named.of_anything(result)


def kind_of(script: LoadedScript) -> Kind | None:
    """None where the script takes the HTTP request as it is."""
    if (served := getattr(script.module, "served", None)) is not None and _is_builtin(script):
        return BuiltinKind(served(), script.signature.data)
    if (found := declared(script.users_run)) is not None:
        return DeclaredKind(found, script)
    if script.raw:
        return None
    return SchemaKind(script) if script.schema else PlainKind(script)


def listed(array: Any) -> Any:
    """Nested lists, as JSON has them; texts for BYTES."""
    values = array.tolist()
    return _texts(values) if array.dtype.hasobject else values


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(one) for one in value]
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise BadTensor("A tensor of BYTES must be UTF-8: the script takes it as text.") from None


def _is_builtin(script: LoadedScript) -> bool:
    return str(getattr(script.module, "__file__", "")).startswith(str(builtin.FOLDER))


def _wanted(inputs: Sequence[Tensor], name: str) -> Tensor:
    found = next((one for one in inputs if one.name == name), None)
    if found is None:
        raise BadTensor(_unknown(name, [one.name for one in inputs]))
    return found


def _must_have(names: Sequence[str], arrays: Arrays) -> None:
    if missing := [name for name in names if name not in arrays]:
        raise BadTensor(_missing(missing[0]))


def _unknown(name: str, known: Sequence[str]) -> str:
    return f"There is no input {name!r}: the model takes {', '.join(map(repr, known))}."


def _missing(name: str) -> str:
    return f"The tensor {name!r} is missing."
