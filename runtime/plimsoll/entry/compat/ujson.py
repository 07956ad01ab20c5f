"""ujson as scripts of TensorFlow 1's days knew it: it takes NumPy arrays.

Where it is not installed, the standard library stands in.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # as in fallbacks: the real base class is heavy

_SEPARATORS = (",", ":")


class UjsonLoader(Loader):
    """The part of ujson that scripts use, in its compact layout."""

    def create_module(self, spec: ModuleSpec) -> None:
        """None: the import system makes an ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        module.dumps = module.encode = _dumps  # type: ignore[attr-defined]
        module.loads = module.decode = json.loads  # type: ignore[attr-defined]
        module.dump = lambda value, file: file.write(_dumps(value))  # type: ignore[attr-defined]
        module.load = json.load  # type: ignore[attr-defined]


def taking_arrays(ujson: ModuleType) -> None:
    for name in ("dumps", "dump", "encode"):
        if (function := getattr(ujson, name, None)) is not None:
            setattr(ujson, name, _with_arrays(function))


def _with_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def write(*args: Any, **options: Any) -> Any:
        options.setdefault("default", _plain)
        return function(*args, **options)

    return write


def _dumps(value: Any, **options: Any) -> str:
    escape = options.get("escape_forward_slashes", True)
    text = json.dumps(value, separators=_SEPARATORS, default=_plain, ensure_ascii=options.get("ensure_ascii", True))
    # Outside strings JSON has no slash.
    return text.replace("/", "\\/") if escape else text


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r} is not JSON serializable")
