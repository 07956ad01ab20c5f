"""Which functions of the script are called, and which parameters run() takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from plimsoll.entry.failures import BrokenScript

UserFunction = Callable[..., Any]
REQUIRED = inspect.Parameter.empty
_HEADERS = "request_headers"
_NAMEABLE = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


@dataclass(slots=True, frozen=True)
class Signature:
    """`data` is the name of the parameter that takes the request; arguments go by name.

    `defaults` has every parameter but `request_headers`; `REQUIRED` stands where there is no default.
    """

    data: str
    takes_headers: bool
    defaults: dict[str, Any]


def find_functions(module: ModuleType, path: str) -> tuple[UserFunction, UserFunction]:
    """init() and run() of the script; run() of the inner module where an SDK's driver wraps the script."""
    init = _function(module, "init", path)
    run = _function(module, "run", path)
    inner = getattr(module, "driver_module", None)
    if isinstance(inner, ModuleType) and hasattr(inner, "run"):
        run = _function(inner, "run", path)
    return init, run


def signature_of(run: UserFunction, path: str) -> Signature:
    try:
        parameters = inspect.signature(run).parameters
    except (TypeError, ValueError):
        raise BrokenScript(f"{path}: the parameters of run() cannot be found out.") from None
    if any(parameter.kind not in _NAMEABLE for parameter in parameters.values()):
        raise BrokenScript(f"{path}: run() cannot accept positional-only arguments, *args, or **kwargs.")
    data = next((name for name in parameters if name != _HEADERS), None)
    if data is None:
        raise BrokenScript(f"{path}: {_what_is_missing(_HEADERS in parameters)}")
    defaults = {name: parameter.default for name, parameter in parameters.items() if name != _HEADERS}
    return Signature(data, _HEADERS in parameters, defaults)


def _function(module: ModuleType, name: str, path: str) -> UserFunction:
    function = getattr(module, name, None)
    if not callable(function):
        remedy = "--contract sagemaker serves scripts with model_fn()" if hasattr(module, "model_fn") else ""
        raise BrokenScript(f"User script at {path} does not have a {name}() function defined.", remedy=remedy)
    return function  # type: ignore[no-any-return]


def _what_is_missing(takes_headers: bool) -> str:
    if takes_headers:
        return 'run() needs to accept an argument other than "request_headers".'
    return "run() needs to accept an argument for input data."
