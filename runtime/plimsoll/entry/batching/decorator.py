"""`@batch`: run() takes the requests that wait together.

Every parameter of run() becomes a list with one value per request, and run() returns a list with one result per
request, in the same order: a plain run() gets a list of strings, a raw one a list of requests, one under
inference-schema's decorators a list of converted values for each of its parameters.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., object])
_MARK = "_plimsoll_batch"
_thread = threading.local()


@dataclass(slots=True, frozen=True)
class BatchRule:
    """At most `max_size` requests; a free slot waits up to `max_wait_ms` for the batch to fill, by default not."""

    max_size: int
    max_wait_ms: float = 0


@dataclass(slots=True, frozen=True)
class Batched:
    """What @batch knows of a function: its rule, and the function without any decorator."""

    rule: BatchRule
    function: Callable[..., Any]


class _Collected(dict[str, Any]):
    """The arguments of one request after the decorators above @batch have converted them."""


def batch(*misused: object, max_size: int = 0, max_wait_ms: float = 0) -> Callable[[_F], _F]:
    """Stands directly above ``def run``, below all other decorators."""
    if misused or not _is_whole(max_size) or max_size < 1:
        raise ValueError("@batch needs the largest batch that run() takes, a whole number: @batch(max_size=8)")
    if not _is_number(max_wait_ms) or not 0 <= max_wait_ms < math.inf:
        raise ValueError(f"@batch: max_wait_ms must be a number of milliseconds, 0 or more, not {max_wait_ms!r}")
    return lambda run: _marked(run, BatchRule(max_size, max_wait_ms))


def batched(run: Callable[..., Any]) -> Batched | None:
    """Also through the decorators above it."""
    mark = getattr(run, _MARK, None)
    return mark if isinstance(mark, Batched) else None


def collected(run: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """What would reach the function under @batch, without calling it; raises what the decorators above raise."""
    _thread.collects = True
    try:
        result = run(**arguments)
    finally:
        _thread.collects = False
    if not isinstance(result, _Collected):
        raise TypeError("a decorator above @batch replaces what run() returns")
    return dict(result)


def _marked(run: _F, rule: BatchRule) -> _F:
    _must_be_innermost(run)

    # inference-schema looks for the innermost function among the variables that this one holds: hold no others.
    @wraps(run)
    def collects_or_runs(*args: Any, **kwargs: Any) -> Any:
        return _Collected(kwargs) if getattr(_thread, "collects", False) else run(*args, **kwargs)

    setattr(collects_or_runs, _MARK, Batched(rule, run))
    return cast(_F, collects_or_runs)


def _must_be_innermost(run: object) -> None:
    if not callable(run):
        raise TypeError(f"@batch goes on a function, not on {run!r}")
    registry, wrapt = sys.modules.get("inference_schema.schema_util"), sys.modules.get("wrapt")
    if registry is not None and wrapt is not None and isinstance(run, wrapt.FunctionWrapper):
        raise TypeError("@batch must stand directly above def run, below @input_schema and @output_schema")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_whole(value) or isinstance(value, float)
