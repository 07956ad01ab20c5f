"""@rawhttp: run() wants the HTTP request, not its text.

The mark is one per process, not per function: scripts put the decorator on run() or on something
that run() calls, and both work wherever such scripts come from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

_F = TypeVar("_F", bound=Callable[..., object])
# Packages of the user that win over our names keep the mark in a variable of their own.
_FOREIGN_HOMES = ("azureml.contrib.services.aml_request", "azureml_inference_server_http.api.aml_request")
_requested = False


def rawhttp(run: _F) -> _F:
    """Give run() a `Request` and let it answer with a `Response`."""
    global _requested
    _requested = True
    return run


def raw_requested() -> bool:
    return _requested or any(getattr(sys.modules.get(home), "_rawHttpRequested", False) for home in _FOREIGN_HOMES)
