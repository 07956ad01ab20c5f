"""Plimsoll: a scoring server for score.py that measures itself and says what the model needs."""

from typing import TYPE_CHECKING, Any

from plimsoll.version import __version__

if TYPE_CHECKING:
    from plimsoll.api import ProfileRun, profile


__all__ = ["ProfileRun", "__version__", "profile"]


def __getattr__(name: str) -> Any:
    """`plimsoll.profile` loads on first use: a model worker imports this package too, and has no use for it."""
    if name in ("ProfileRun", "profile"):
        from plimsoll import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
