"""The envelope of an inference request: who asks what of which tensors, checked, and no tensor decoded yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from pydantic_core import from_json

from plimsoll.contracts.v2.refusals import Refusal, invalid
from plimsoll.contracts.v2.unpacked import unpacked
from plimsoll.entry.call import Call, Head
from plimsoll.entry.tensors.declared import NUMPY_NAMES

HEADER_LENGTH = "inference-header-content-length"
_Loc = tuple[str | int, ...]
_ENUM = ", ".join(f"'{name}'" for name in list(NUMPY_NAMES)[:-1]) + " or 'BYTES'"


@dataclass(slots=True, frozen=True)
class SentTensor:
    """`raw` holds its bytes, and `data` nothing then."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Any = None
    raw: memoryview | None = None


@dataclass(slots=True, frozen=True)
class InferRequest:
    """`outputs` maps names to whether they are wanted as bytes; empty for all there are, which `binary` is for then.

    `unframed`: the body is the bytes of the one tensor, and nothing else says anything about it.
    """

    model: str
    version: str | None
    id: str | None = None
    inputs: tuple[SentTensor, ...] = ()
    outputs: dict[str, bool] = field(default_factory=dict)
    binary: bool = False
    unframed: memoryview | None = None


def parsed(call: Call, max_bytes: int) -> InferRequest:
    """Raises Refusal. `max_bytes`: of a body, unpacked."""
    body = unpacked(memoryview(call.data), _values(call.head, "content-encoding"), max_bytes)
    model, version = _asked(call.head)
    length = _header_length(call.head, len(body))
    if length == 0:
        return InferRequest(model, version, binary=True, unframed=body)
    content = _json(body if length is None else body[:length])
    if not isinstance(content, dict):
        raise invalid((), "model_attributes_type")
    parameters = _object(content.get("parameters"), ("parameters",))
    binary = parameters.get("binary_data_output") is True
    return InferRequest(
        model,
        version,
        _id(content.get("id")),
        tuple(_tensors(_list(content, "inputs"), body[len(body) if length is None else length :])),
        dict(_outputs(content.get("outputs"), binary)),
        binary,
    )


def _asked(head: Head) -> tuple[str, str | None]:
    """The front has found the route: /v2/models/{model}[/versions/{version}]/infer, after a host or not."""
    *_, before, kind, last, _ = ["", "", *unquote(head.target.partition("?")[0]).split("/")]
    return (before, last) if kind == "versions" else (last, None)


def _header_length(head: Head, size: int) -> int | None:
    texts = _values(head, HEADER_LENGTH)
    if not any(texts):
        return None
    if len(texts) > 1:
        raise Refusal(f"Inference-Header-Content-Length is there {len(texts)} times.")
    (text,) = texts
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) > size:
        raise Refusal(f"Inference-Header-Content-Length must be a number of bytes up to {size}, the body's length.")
    return int(text)


def _values(head: Head, name: str) -> list[str]:
    return [value for key, value in head.headers if key == name]


def _json(text: memoryview) -> Any:
    """By pydantic's parser: Python's own takes five times as long for numbers, and takes NaN for JSON."""
    if not text:
        raise invalid((), "missing")
    try:
        return from_json(bytes(text), allow_inf_nan=False)
    except ValueError as failure:
        raise invalid((0,), "json_invalid", input={}, ctx={"error": str(failure)}) from None


def _tensors(given: list[Any], rest: memoryview) -> Iterator[SentTensor]:
    """`rest`: what follows the JSON; each tensor takes its part of it."""
    names: set[str] = set()
    at = 0
    for number, one in enumerate(given):
        tensor, size = _tensor(_object(one, ("inputs", number), there=True), ("inputs", number))
        if tensor.name in names:
            raise Refusal(f"The tensor {tensor.name!r} is there twice.")
        names.add(tensor.name)
        if size is None:
            yield tensor
            continue
        if size > len(rest) - at:
            raise Refusal(
                f"The tensor {tensor.name!r} has {size} bytes by its binary_data_size, {len(rest) - at} came."
            )
        yield SentTensor(tensor.name, tensor.datatype, tensor.shape, raw=rest[at : at + size])
        at += size
    if at != len(rest):
        raise Refusal(f"{len(rest) - at} bytes follow the last tensor.")


def _tensor(one: dict[str, Any], loc: _Loc) -> tuple[SentTensor, int | None]:
    name = _text(one, "name", loc)
    shape = tuple(_size(size, (*loc, "shape", place)) for place, size in enumerate(_list(one, "shape", loc)))
    datatype = _datatype(one, loc)
    size = _object(one.get("parameters"), (*loc, "parameters")).get("binary_data_size")
    if size is None:
        if "data" not in one:
            raise invalid((*loc, "data"), "missing")
        return SentTensor(name, datatype, shape, one["data"]), None
    if type(size) is not int or size < 0:
        raise Refusal(f"The tensor {name!r} has a binary_data_size that is no number of bytes.")
    if "data" in one:
        raise Refusal(f"The tensor {name!r} has both data and a binary_data_size.")
    return SentTensor(name, datatype, shape), size


def _datatype(one: dict[str, Any], loc: _Loc) -> str:
    if "datatype" not in one:
        raise invalid((*loc, "datatype"), "missing")
    datatype = one["datatype"]
    if isinstance(datatype, str) and datatype in NUMPY_NAMES:
        return datatype
    raise invalid((*loc, "datatype"), "enum", f"Input should be {_ENUM}", ctx={"expected": _ENUM})


def _size(value: Any, loc: _Loc) -> int:
    """As lenient as pydantic: 2.0 and "2" are 2."""
    if type(value) is int:
        return value
    if isinstance(value, float):
        if value.is_integer():
            return int(value)
        raise invalid(loc, "int_from_float")
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise invalid(loc, "int_parsing") from None
    if isinstance(value, bool):
        return int(value)
    raise invalid(loc, "int_type")


def _outputs(given: Any, binary: bool) -> Iterator[tuple[str, bool]]:
    if given is None:
        return
    if not isinstance(given, list):
        raise invalid(("outputs",), "list_type")
    for number, one in enumerate(given):
        loc: _Loc = ("outputs", number)
        name = _text(_object(one, loc, there=True), "name", loc)
        wanted = _object(one.get("parameters"), (*loc, "parameters")).get("binary_data")
        yield name, binary if wanted is None else wanted is True


def _id(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise invalid(("id",), "string_type")


def _text(one: dict[str, Any], key: str, loc: _Loc) -> str:
    if key not in one:
        raise invalid((*loc, key), "missing")
    if not isinstance(one[key], str):
        raise invalid((*loc, key), "string_type")
    return str(one[key])


def _list(one: dict[str, Any], key: str, loc: _Loc = ()) -> list[Any]:
    if key not in one:
        raise invalid((*loc, key), "missing")
    if not isinstance(one[key], list):
        raise invalid((*loc, key), "list_type")
    return list(one[key])


def _object(value: Any, loc: _Loc, *, there: bool = False) -> dict[str, Any]:
    if value is None and not there:
        return {}
    if not isinstance(value, dict):
        raise invalid(loc, "model_attributes_type")
    return value
