"""Types that signatures here use."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
RawHeaders = list[tuple[bytes, bytes]]
