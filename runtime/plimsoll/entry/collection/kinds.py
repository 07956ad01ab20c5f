"""What kind of data a script collects, told without importing the packages of which it may be."""

from __future__ import annotations

import sys
from typing import Any


def is_of(data: Any, module: str, name: str) -> bool:
    """Whoever has such data has imported the module."""
    found = sys.modules.get(module)
    return found is not None and isinstance(data, getattr(found, name))


def type_name(data: Any) -> str:
    """As Azure's package writes it, `pandas.DataFrame`."""
    kind = type(data)
    return f"{'python' if kind.__module__ == 'builtins' else kind.__module__}.{kind.__qualname__}"
