"""From tensors by name to the arguments of run(), and Azure ML's way to send them: a JSON object of nested lists."""

from __future__ import annotations

from typing import Any

from plimsoll.entry.call import Answer, Call
from plimsoll.entry.failures import BrokenScript
from plimsoll.entry.inputs.arguments import Arguments
from plimsoll.entry.inputs.schema import json_values
from plimsoll.entry.inputs.signature import REQUIRED, Signature
from plimsoll.entry.outputs.answers import message_answer
from plimsoll.entry.tensors.declared import Declared


class Parameters:
    """Which parameter of run() gets which tensor. Raises `BrokenScript` where that cannot be."""

    __slots__ = ("_all_in", "_defaults")

    def __init__(self, declared: Declared, signature: Signature, path: str) -> None:
        names = {one.name for one in declared.inputs}
        self._defaults = signature.defaults
        self._all_in = signature.data if len(self._defaults) == 1 and names != {signature.data} else None
        required = {name for name, default in self._defaults.items() if default is REQUIRED}
        if self._all_in is None and not (required <= names <= set(self._defaults)):
            takes, given = ", ".join(self._defaults), ", ".join(names) or "any"
            raise BrokenScript(f"{path}: run() takes {takes}, its @signature names the tensors {given}")

    def missing(self, declared: Declared, values: dict[str, Any]) -> str | None:
        """An input that is not there and has no default."""
        absent = [one.name for one in declared.inputs if one.name not in values]
        needed = (name for name in absent if self._all_in or self._defaults[name] is REQUIRED)
        return next(needed, None)

    def of(self, values: dict[str, Any]) -> Arguments:
        return {self._all_in: values} if self._all_in else values


class TensorReader:
    """Keys that are no tensors' names are ignored, as under inference-schema's decorators."""

    __slots__ = ("_declared", "_parameters")

    def __init__(self, declared: Declared, signature: Signature, path: str) -> None:
        self._declared = declared
        self._parameters = Parameters(declared, signature, path)

    def __call__(self, call: Call) -> Arguments | Answer:
        from plimsoll.entry.tensors.arrays import BadTensor, from_lists  # NumPy, which a script with arrays has

        values = json_values(call)
        if isinstance(values, Answer):
            return values
        if missing := self._parameters.missing(self._declared, values):
            return message_answer(400, f"The tensor {missing!r} is missing.")
        wanted = [one for one in self._declared.inputs if one.name in values]
        try:
            found = {one.name: from_lists(one, values[one.name]) for one in wanted}
        except BadTensor as refusal:
            return message_answer(400, str(refusal))
        return self._parameters.of(found if self._declared.inputs else values)
