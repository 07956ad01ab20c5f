"""What score.py sees, and the names it may import from Plimsoll: ``from plimsoll.entry import batch, rawhttp``.

The names load on first use: a worker whose script has a plain run() never pays for Werkzeug, and the
front takes `Call` and `Answer` from `plimsoll.entry.call` without it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plimsoll.entry.batching.decorator import batch
    from plimsoll.entry.http.raw import rawhttp
    from plimsoll.entry.http.request import AMLRequest, Request
    from plimsoll.entry.http.response import AMLResponse, Response
    from plimsoll.entry.tensors.declared import Tensor, signature

__all__ = ["AMLRequest", "AMLResponse", "Request", "Response", "Tensor", "batch", "rawhttp", "signature"]

_HOMES = {
    "AMLRequest": "plimsoll.entry.http.request",
    "AMLResponse": "plimsoll.entry.http.response",
    "Request": "plimsoll.entry.http.request",
    "Response": "plimsoll.entry.http.response",
    "Tensor": "plimsoll.entry.tensors.declared",
    "batch": "plimsoll.entry.batching.decorator",
    "rawhttp": "plimsoll.entry.http.raw",
    "signature": "plimsoll.entry.tensors.declared",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
