"""`@signature`: the tensors that run() takes and gives, by name, as the Open Inference Protocol calls their types.

    @signature(inputs=[Tensor("x", "FP32", [-1, 64])], outputs=[Tensor("label", "INT64", [-1])])
    def run(x):
        return model.predict(x)

run() gets a NumPy array for each tensor, under the parameter of that name. A run() with one parameter that is no
tensor's name gets all of them in a dictionary; so it is, too, with `@signature()`, which takes any tensors. It returns
an array, a dictionary of arrays by name, or a tuple of them in the order of `outputs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., object])
_MARK = "_plimsoll_tensors"

NUMPY_NAMES = {
    "BOOL": "bool",
    **{f"UINT{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"float{bits}" for bits in (16, 32, 64)},
    "BYTES": "object",
}
"""Datatypes of the protocol; elements of BYTES are `bytes`."""
ANY_SIZE = -1


@dataclass(frozen=True, slots=True)
class Tensor:
    """`shape` has -1 where any size will do."""

    name: str
    datatype: str
    shape: Sequence[int]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"a Tensor's name must be a text, not {self.name!r}")
        if self.datatype not in NUMPY_NAMES:
            raise ValueError(f"Tensor {self.name!r}: {self.datatype!r} is none of {', '.join(NUMPY_NAMES)}")
        if not all(type(size) is int and size >= ANY_SIZE for size in self.shape):
            raise ValueError(f"Tensor {self.name!r}: the shape {self.shape!r} must be sizes, or -1 for any size")

    def fits(self, shape: Sequence[int]) -> bool:
        pairs = zip(shape, self.shape, strict=False)
        return len(shape) == len(self.shape) and all(wanted in (ANY_SIZE, there) for there, wanted in pairs)

    def described(self) -> dict[str, Any]:
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


@dataclass(frozen=True, slots=True)
class Declared:
    """Nothing in `inputs`: any tensors."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def signature(inputs: Sequence[Tensor] = (), outputs: Sequence[Tensor] = ()) -> Callable[[_F], _F]:
    """Stands above or below @batch."""
    declared = Declared(_checked("inputs", inputs), _checked("outputs", outputs))

    def mark(run: _F) -> _F:
        setattr(run, _MARK, declared)
        return run

    return mark


def declared(run: Callable[..., Any]) -> Declared | None:
    found = getattr(run, _MARK, None)
    return found if isinstance(found, Declared) else None


def _checked(what: str, tensors: Any) -> tuple[Tensor, ...]:
    if callable(tensors):
        raise TypeError("@signature needs parentheses: @signature(inputs=[...], outputs=[...]), or @signature()")
    if not all(isinstance(one, Tensor) for one in tensors):
        raise TypeError(f'@signature: {what} must be a list of Tensor("name", "FP32", [-1, 64])')
    names = [one.name for one in tensors]
    if len(set(names)) < len(names):
        raise ValueError(f"@signature: {what} has a name twice: {', '.join(names)}")
    return tuple(tensors)
