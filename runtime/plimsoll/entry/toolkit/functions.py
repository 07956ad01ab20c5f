"""The functions of such a script, and what stands in for those that it leaves out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from plimsoll.entry.toolkit.context import Context
from plimsoll.entry.toolkit.errors import UnsupportedFormatError

_Function = Callable[..., Any]
_MISSING = """
Please provide a {0} implementation.
See documentation for {0} at https://sagemaker.readthedocs.io/en/stable/
"""
"""The toolkit's words."""


class Functions:
    """Each takes the toolkit's arguments and the context last, which it passes on where the script's takes one."""

    def __init__(self, module: ModuleType) -> None:
        """Raises ValueError where the script has functions that cannot go together."""
        own = {name: getattr(module, name, None) for name in (*_PARTS, "transform_fn")}
        if own["transform_fn"] and any(own[name] for name in _PARTS):
            raise ValueError(
                "Cannot use transform_fn implementation in conjunction with "
                "input_fn, predict_fn, and/or output_fn implementation"
            )
        self.before_model = _with_context(getattr(module, "pre_model_fn", None) or _nothing_before, 1)
        self.model = _with_context(getattr(module, "model_fn", None) or _no_model, 1)
        self.after_model = _with_context(getattr(module, "model_warmup_fn", None) or _nothing_after, 2)
        self._input, self._predict, self._output = (
            _with_context(own[name] or default, 2) for name, default in _PARTS.items()
        )
        self.transform = _with_context(own["transform_fn"], 4) if own["transform_fn"] else self._three

    def _three(self, model: Any, data: Any, content_type: str | None, accept: str, context: Context) -> Any:
        given = self._input(data, content_type, context)
        return self._output(self._predict(given, model, context), accept, context)


def _with_context(function: _Function, count: int) -> _Function:
    """Told by the number of parameters, as in the toolkit."""
    taken = len(inspect.signature(function).parameters)
    if taken == count + 1:
        return function

    def without(*arguments: Any) -> Any:
        if taken != count:
            raise TypeError(f"{function.__name__} takes {taken} arguments but {count} were given.")
        return function(*arguments[:-1])

    return without


def parse_accept(accept: str) -> list[str]:
    return accept.replace(" ", "").split(",")


def _nothing_before(model_dir: str) -> None:
    """The toolkit has no default for what comes before and after the model is loaded."""


def _nothing_after(model_dir: str, model: Any) -> None:
    """As above."""


def _no_model(model_dir: str) -> Any:
    raise NotImplementedError(_MISSING.format("model_fn"))


def _default_input(data: Any, content_type: str | None) -> Any:
    from plimsoll.entry.toolkit.decoder import decode

    return decode(data, content_type)


def _default_predict(data: Any, model: Any) -> Any:
    """predict() of the model, as AWS's scikit-learn image has it; the toolkit itself knows no model."""
    if not callable(getattr(model, "predict", None)):
        raise NotImplementedError(_MISSING.format("predict_fn"))
    return model.predict(data)


def _default_output(prediction: Any, accept: str) -> Any:
    from plimsoll.entry.toolkit.encoder import SUPPORTED_CONTENT_TYPES, encode

    content_type = next((kind for kind in parse_accept(accept) if kind in SUPPORTED_CONTENT_TYPES), None)
    if content_type is None:
        raise UnsupportedFormatError(accept)
    return encode(prediction, content_type), content_type


_PARTS: dict[str, _Function] = {
    "input_fn": _default_input,
    "predict_fn": _default_predict,
    "output_fn": _default_output,
}
