"""How the built-in entry scripts take tensors by name in place of an HTTP request, for contracts that speak of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from plimsoll.entry.tensors.declared import Tensor


@dataclass(frozen=True, slots=True)
class Model:
    """`loose`: one input whose name and kind of numbers do not matter. `default`: outputs that nobody has to name."""

    platform: str
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]
    loose: bool = False
    default: Sequence[str] = ()


class Tensors(dict[str, Any]):
    """Arrays by name: run() of a built-in script answers them with a dictionary of arrays, or with `Unfit`."""

    def __init__(self, values: dict[str, Any], outputs: Sequence[str] = ()) -> None:
        super().__init__(values)
        self.outputs = outputs


@dataclass(frozen=True, slots=True)
class Unfit:
    """The model does not take these; the message is the client's."""

    message: str
    status: int = 400
