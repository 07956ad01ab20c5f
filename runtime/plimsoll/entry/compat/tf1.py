"""`--tf1-compat`: scripts written for TensorFlow 1 run on TensorFlow 2 without a changed character.

``import tensorflow`` gives the 1.x interface that TensorFlow 2 still carries, with graphs and sessions instead of
eager execution, and ``ujson.dumps`` takes NumPy arrays, as it did in those days. Both happen when the script
imports them; a missing ujson is stood in for by the standard library. `tf.contrib` is gone for good, and `tf.keras`
is whatever the installed TensorFlow has there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

from plimsoll.entry.compat.ujson import UjsonLoader, taking_arrays

if TYPE_CHECKING:
    from importlib.abc import Loader
else:
    Loader = object  # as in fallbacks: the real base class is heavy


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
            found = ModuleSpec(fullname, UjsonLoader(), origin="plimsoll")
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
    for home in (old.saved_model, old.saved_model.loader):
        home.load = _with_sorted_signatures(home.load)
    # The import system hands out what stands here, not the module it has just executed.
    sys.modules[real.__name__] = _TensorFlow1(real, old)


def _with_sorted_signatures(load: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(load)
    def load_sorted(*args: Any, **options: Any) -> _MetaGraph:
        return _MetaGraph(load(*args, **options))

    return load_sorted


class _MetaGraph:
    """What `loader.load` returns, with inputs and outputs in the order of their names.

    Scripts pick "the second output". A protobuf map has no order of its own, it differs from worker to worker.
    """

    def __init__(self, real: Any) -> None:
        self._real = real
        self.signature_def = {name: _Signature(real.signature_def[name]) for name in sorted(real.signature_def)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Signature:
    def __init__(self, real: Any) -> None:
        self._real = real
        self.inputs = {name: real.inputs[name] for name in sorted(real.inputs)}
        self.outputs = {name: real.outputs[name] for name in sorted(real.outputs)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


_CHANGES = {"tensorflow": _as_version_1, "ujson": taking_arrays}
