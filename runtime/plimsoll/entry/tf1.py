"""`--tf1-compat`: scripts written for TensorFlow 1 run on TensorFlow 2 without a changed character.

``import tensorflow`` gives the 1.x interface that TensorFlow 2 still carries, with graphs and sessions instead of
eager execution, and ``ujson.dumps`` takes NumPy arrays, as it did in those days. Both happen when the script
imports them; a missing ujson is stood in for by the standard library. `tf.contrib` is gone for good, and `tf.keras`
is whatever the installed TensorFlow has there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # as in fallbacks: the real base class is heavy

_SEPARATORS = (",", ":")


def install_tf1_compat() -> None:
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Stands first: the modules it changes are found by the ordinary finder, and changed once they are loaded."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        change = _CHANGES.get(fullname)
        if change is None:
            return None
        found = PathFinder.find_spec(fullname, None, target)
        if found is not None and found.loader is not None:
            found.loader = _ChangingLoader(found.loader, change)
        elif fullname == "ujson":
            found = ModuleSpec(fullname, _UjsonLoader(), origin="plimsoll")
        return found


class _ChangingLoader(Loader):
    def __init__(self, real: Any, change: Callable[[ModuleType], None]) -> None:
        self._real = real
        self._change = change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        self._change(module)

    def __getattr__(self, name: str) -> Any:
        # TensorFlow asks its own loader for resources.
        return getattr(self._real, name)


class _UjsonLoader(Loader):
    """The part of ujson that scripts use, in its compact layout."""

    def create_module(self, spec: ModuleSpec) -> None:
        """None: the import system makes an ordinary module."""

    def exec_module(self, module: ModuleType) -> None:
        module.dumps = module.encode = _dumps  # type: ignore[attr-defined]
        module.loads = module.decode = json.loads  # type: ignore[attr-defined]
        module.dump = lambda value, file: file.write(_dumps(value))  # type: ignore[attr-defined]
        module.load = json.load  # type: ignore[attr-defined]


class _TensorFlow1(ModuleType):
    """Names of 1.x first, then those of the real module, which stays reachable for TensorFlow's own lazy imports."""

    def __init__(self, real: ModuleType, old: ModuleType) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update(
            __path__=real.__path__, __file__=real.__file__, __spec__=real.__spec__, __loader__=real.__loader__
        )
        self.__dict__.update(_real=real, _old=old)

    def __getattr__(self, name: str) -> Any:
        old = self.__dict__["_old"]
        return getattr(old, name) if hasattr(old, name) else getattr(self.__dict__["_real"], name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self.__dict__["_old"]), *dir(self.__dict__["_real"])})


def _as_version_1(real: ModuleType) -> None:
    old = import_module("tensorflow.compat.v1")
    old.disable_v2_behavior()
    # The import system hands out what stands here, not the module it has just executed.
    sys.modules[real.__name__] = _TensorFlow1(real, old)


def _taking_arrays(ujson: ModuleType) -> None:
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


_CHANGES = {"tensorflow": _as_version_1, "ujson": _taking_arrays}
