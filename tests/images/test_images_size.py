"""What the images weigh, unpacked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from image_base import Base
from image_engine import Engine

pytestmark = pytest.mark.images

_BUDGET_MB = {"slim": 250, "cpu": 2000}
# The official python:3.11-slim-bookworm; a stand-in weighs more or less, which is not our doing.
_OFFICIAL_BASE_MB = 130


@pytest.mark.parametrize("name", ["slim", "cpu"])
def test_an_image_keeps_its_budget(
    engine: Engine, base: Base, name: str, request: pytest.FixtureRequest, note: Callable[[str], None]
) -> None:
    total_mb = engine.rootfs_bytes(request.getfixturevalue(name)) / 1e6
    base_mb = engine.rootfs_bytes(base.name) / 1e6
    ours_mb = total_mb - base_mb
    kind = "stand-in" if base.is_stand_in else "official"
    parts = f"{total_mb:.0f} MB = base {base_mb:.0f} MB ({kind}) + ours {ours_mb:.0f} MB"
    note(f"{name}: {parts}; budget {_BUDGET_MB[name]} MB")
    assert ours_mb > 0
    counted_mb = ours_mb + (_OFFICIAL_BASE_MB if base.is_stand_in else base_mb)
    assert counted_mb <= _BUDGET_MB[name]
