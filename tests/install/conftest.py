"""An image for `plimsoll-install` to work in."""

from __future__ import annotations

from pathlib import Path

import pytest
from little_image import LittleImage


@pytest.fixture
def image(tmp_path: Path) -> LittleImage:
    return LittleImage(tmp_path)
